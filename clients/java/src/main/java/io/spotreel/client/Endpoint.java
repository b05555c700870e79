package io.spotreel.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A server: {@code target} is {@code host:port}.
 *
 * @param apiKey null: none is sent
 */
record Endpoint(String target, ChannelCredentials credentials, ApiKey apiKey) {
    static final String SERVER_VARIABLE = "SPOTREEL_SERVER";
    static final String API_KEY_VARIABLE = "SPOTREEL_API_KEY";
    static final String TLS_CA_VARIABLE = "SPOTREEL_TLS_CA";

    // An IPv6 address may come without brackets where no port follows: two colons or more.
    private static final Pattern NAMED = Pattern.compile(
            "(?:(?<scheme>https?)://)?(?:\\[(?<v6>[^\\]]*)\\]|(?<bare>[^:]*:[^:]*:.*)|(?<host>[^\\s:/?#@\\[\\]]+))"
                    + "(?::(?<port>\\d{1,5}))?/*");
    private static final Pattern LOOPBACK_V4 = Pattern.compile("127(\\.\\d{1,3}){3}");
    private static final int DEFAULT_PORT_TLS = 443;
    private static final int DEFAULT_PORT_PLAINTEXT = 50051;
    private static final int MAX_PORT = 65_535;
    // A chunk of output is at most 1 MiB; a job with its log tail far less.
    private static final int MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

    /** Fills in what is null from the environment; see {@link SpotreelClient.Builder}. */
    static Endpoint resolve(String server, String apiKey, Path tlsCa, UnaryOperator<String> environment) {
        String named = either(server, environment.apply(SERVER_VARIABLE));
        if (named == null) {
            throw new SpotreelException(
                    ErrorCode.INVALID_ARGUMENT,
                    "SERVER_MISSING",
                    "No server is named: pass one, or set %s to host:port.".formatted(SERVER_VARIABLE));
        }
        if (named.contains("@")) {
            // Not repeated: what is before it is a secret.
            throw new SpotreelException(
                    ErrorCode.INVALID_ARGUMENT,
                    "SERVER_INVALID",
                    "A server is named without a user: write host:port, or https://host:port.");
        }
        Matcher parts = NAMED.matcher(named);
        if (!parts.matches()) {
            throw invalid(named, "write host:port, or https://host:port");
        }
        String v6 = parts.group("v6") != null ? parts.group("v6") : parts.group("bare");
        String host = v6 != null ? v6 : parts.group("host");
        if (v6 == null && !isResolvable(host)) {
            throw invalid(named, "write a host of letters, digits, hyphens and dots, or an address");
        }
        boolean loopback = v6 != null ? isLoopback(v6, named) : isLoopback(host);
        boolean tls = parts.group("scheme") == null ? !loopback : parts.group("scheme").equals("https");
        int port = parts.group("port") != null
                ? Integer.parseInt(parts.group("port"))
                : tls ? DEFAULT_PORT_TLS : DEFAULT_PORT_PLAINTEXT;
        if (port > MAX_PORT) {
            throw invalid(named, "write host:port, with a port of at most 65535");
        }
        String key = either(apiKey, environment.apply(API_KEY_VARIABLE));
        String caInEnvironment = either(environment.apply(TLS_CA_VARIABLE), null);
        Path ca = tlsCa != null || caInEnvironment == null ? tlsCa : LocalFileException.pathOf(caInEnvironment, "TLS_CA_UNREADABLE");
        return new Endpoint(
                (v6 != null ? "[" + v6 + "]" : host) + ":" + port,
                tls ? tlsCredentials(ca) : InsecureChannelCredentials.create(),
                key == null ? null : new ApiKey(key));
    }

    /** Opens a channel; it connects with the first call. */
    ManagedChannel open() {
        return Grpc.newChannelBuilder("dns:///" + target, credentials)
                .defaultServiceConfig(ServiceConfig.load())
                .enableRetry()
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .userAgent("spotreel-java")
                .build();
    }

    private static String either(String given, String otherwise) {
        String chosen = given == null || given.isEmpty() ? otherwise : given;
        return chosen == null || chosen.isEmpty() ? null : chosen;
    }

    /** Whether gRPC takes it as a name; with others, as {@code my_host}, it throws IllegalArgumentException. */
    private static boolean isResolvable(String host) {
        try {
            return new URI("dns://" + host).getHost() != null;
        } catch (URISyntaxException e) {
            return false;
        }
    }

    private static boolean isLoopback(String host) {
        return host.equals("localhost") || LOOPBACK_V4.matcher(host).matches();
    }

    private static boolean isLoopback(String v6, String named) {
        try {
            // In brackets it is an address or an error, never a name to look up.
            return InetAddress.getByName("[" + v6 + "]").isLoopbackAddress();
        } catch (UnknownHostException e) {
            throw invalid(named, "write host:port, or [address]:port for IPv6");
        }
    }

    private static ChannelCredentials tlsCredentials(Path ca) {
        if (ca == null) {
            return TlsChannelCredentials.create();
        }
        try {
            byte[] pem = Files.readAllBytes(ca);
            if (CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem))
                    .isEmpty()) {
                throw new CertificateException("there is none in PEM format");
            }
            return TlsChannelCredentials.newBuilder()
                    .trustManager(new ByteArrayInputStream(pem))
                    .build();
        } catch (IOException | CertificateException e) {
            throw new LocalFileException(
                    "TLS_CA_UNREADABLE",
                    "The certificates in %s cannot be read: %s.".formatted(ca, LocalFileException.why(e)),
                    ca,
                    e);
        }
    }

    private static SpotreelException invalid(String named, String instead) {
        return new SpotreelException(
                ErrorCode.INVALID_ARGUMENT, "SERVER_INVALID", "'%s' is no server: %s.".formatted(named, instead));
    }
}
