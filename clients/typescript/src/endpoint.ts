import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";

import { LocalFileError, SpotreelError } from "./errors.js";
import { whyOf } from "./local_file.js";

/** Each certificate in a PEM file; what stands around them are comments. */
const CERTIFICATES = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----.*?-----END \1-----/gs;

/** A server: `target` is `host:port`. */
export interface Endpoint {
  readonly target: string;
  readonly tls: boolean;
  /** Certificates to trust, in PEM; undefined: those that Node.js comes with. */
  readonly tlsCa: Buffer | undefined;
  readonly apiKey: string | undefined;
}

/** What a user may say of a server; what is missing is taken from the environment. */
export interface EndpointOptions {
  apiKey?: string;
  tlsCa?: string;
}

/**
 * Fills in what is not given from SPOTREEL_SERVER, SPOTREEL_API_KEY and SPOTREEL_TLS_CA.
 *
 * TLS is used unless the server is this machine; `http://` or `https://` before the name say otherwise.
 */
export function resolveEndpoint(server: string | undefined, options: EndpointOptions): Endpoint {
  const named = server || process.env.SPOTREEL_SERVER;
  if (!named) {
    throw invalid("SERVER_MISSING", "No server is named: pass one, or set SPOTREEL_SERVER to host:port.");
  }
  if (named.includes("@")) {
    // It may have a password, which is not repeated.
    const message = "A server is named without a user: write host:port, or https://host:port.";
    throw invalid("SERVER_INVALID", message);
  }
  const [, scheme, hostPort = ""] = /^(?:(.*):\/\/)?(.*?)\/*$/s.exec(named) ?? [];
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    throw invalid("SERVER_INVALID", `'${named}' is no server: write host:port, or https://host:port.`);
  }
  const { host, port } = splitHostPort(hostPort);
  const tls = scheme === undefined ? !isThisMachine(host) : scheme === "https";
  const target = `${isIPv6(host) ? `[${host}]` : host}:${port ?? (tls ? 443 : 50051)}`;
  if (!isHost(host) || (port !== undefined && !isPort(port))) {
    throw invalid("SERVER_INVALID", `'${named}' is no server: write host:port, with a port of at most 65535.`);
  }
  const caPath = options.tlsCa || process.env.SPOTREEL_TLS_CA;
  return {
    target,
    tls,
    tlsCa: tls && caPath ? readCertificates(caPath) : undefined,
    apiKey: checkedKey(options.apiKey || process.env.SPOTREEL_API_KEY || undefined),
  };
}

function splitHostPort(hostPort: string): { host: string; port?: string } {
  // A bare IPv6 address has colons of its own: only one in brackets can have a port.
  const [, bracketed, single, port] = /^(?:\[([\da-f:.]*:[\da-f:.]*)\]|([^:]*))(?::([^:]*))?$/i.exec(hostPort) ?? [];
  return { host: bracketed ?? single ?? hostPort, port };
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || (isIPv4(host) && host.startsWith("127.")) || isIPv6Loopback(host);
}

function isIPv6Loopback(host: string): boolean {
  return isIPv6(host) && new URL(`http://[${host}]`).hostname === "[::1]";
}

function isHost(host: string): boolean {
  return host.includes(":") ? isIPv6(host) : host !== "" && !/[\s/?#@[\]]/.test(host);
}

function isPort(port: string): boolean {
  return /^\d+$/.test(port) && Number(port) <= 65_535;
}

function checkedKey(apiKey: string | undefined): string | undefined {
  if (apiKey !== undefined && !/^[\x20-\x7e]*$/.test(apiKey)) {
    throw invalid("API_KEY_MALFORMED", "The API key may only have printable ASCII characters.");
  }
  return apiKey;
}

function readCertificates(path: string): Buffer {
  const unreadable = (why: string, cause?: unknown) =>
    new LocalFileError("TLS_CA_UNREADABLE", `The certificates in ${path} cannot be read: ${why}.`, path, cause);
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (error) {
    throw unreadable(whyOf(error), error);
  }
  // TLS would pass over what is no certificate, and trust nobody.
  const certificates = pem.toString("latin1").match(CERTIFICATES);
  if (certificates === null) {
    throw unreadable("there is none in it");
  }
  try {
    for (const each of certificates) {
      new X509Certificate(each);
    }
  } catch (error) {
    throw unreadable("one of them is damaged", error);
  }
  return pem;
}

function invalid(reason: string, message: string): SpotreelError {
  return new SpotreelError("INVALID_ARGUMENT", message, { reason });
}
