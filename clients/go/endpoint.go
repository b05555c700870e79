package spotreel

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// The environment variables that Dial reads where it is not told otherwise.
const (
	ServerVariable = "SPOTREEL_SERVER"
	APIKeyVariable = "SPOTREEL_API_KEY"
	TLSCAVariable  = "SPOTREEL_TLS_CA"
)

var (
	notInHosts     = regexp.MustCompile(`[\s:/?#@\[\]]`)
	printableASCII = regexp.MustCompile(`^[ -~]*$`)
)

// endpoint is a server: where it is, and how it is spoken to.
type endpoint struct {
	target    string // host:port
	transport credentials.TransportCredentials
	perCall   credentials.PerRPCCredentials // nil without an API key
}

// resolveEndpoint fills in from the environment what is empty.
func resolveEndpoint(server, apiKey, tlsCA string) (*endpoint, error) {
	server = cmp.Or(server, os.Getenv(ServerVariable))
	apiKey = cmp.Or(apiKey, os.Getenv(APIKeyVariable))
	tlsCA = cmp.Or(tlsCA, os.Getenv(TLSCAVariable))
	if server == "" {
		return nil, invalid("SERVER_MISSING",
			"No server is named: pass one, or set %s to host:port.", ServerVariable)
	}
	target, secure, err := parseServer(server)
	if err != nil {
		return nil, err
	}
	if !printableASCII.MatchString(apiKey) {
		return nil, invalid("API_KEY_MALFORMED", "The API key may only have printable ASCII characters.")
	}
	made := &endpoint{target: target, transport: insecure.NewCredentials()}
	if secure {
		if made.transport, err = tlsCredentials(tlsCA); err != nil {
			return nil, err
		}
	}
	if apiKey != "" {
		made.perCall = newBearer(apiKey, secure)
	}
	return made, nil
}

// parseServer tells host:port and whether TLS is used: unless the server is this machine, or http:// says otherwise.
func parseServer(server string) (target string, secure bool, err error) {
	if strings.Contains(server, "@") {
		// It may have a password, which must not get into logs.
		return "", false, invalid("SERVER_INVALID", "A server is named without a user: write host:port, or https://host:port.")
	}
	scheme, hostPort, found := strings.Cut(server, "://")
	if !found {
		scheme, hostPort = "", server
	}
	hostPort = strings.TrimRight(hostPort, "/")
	switch scheme {
	case "https":
		secure = true
	case "http":
		secure = false
	case "":
		secure = !isThisMachine(hostOf(hostPort))
	default:
		return "", false, invalid("SERVER_INVALID", "%q is no server: write host:port, or https://host:port.", server)
	}
	target = withPort(hostPort, secure)
	if !isTarget(target) {
		return "", false, invalid("SERVER_INVALID",
			"%q is no server: write host:port, with a port of at most 65535.", server)
	}
	return target, secure, nil
}

func isThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// hostOf is net.SplitHostPort for names that may lack a port, and IPv6 addresses that may lack brackets.
func hostOf(hostPort string) string {
	if inside, found := strings.CutPrefix(hostPort, "["); found {
		host, _, _ := strings.Cut(inside, "]")
		return host
	}
	if strings.Count(hostPort, ":") == 1 {
		host, _, _ := strings.Cut(hostPort, ":")
		return host
	}
	return hostPort
}

func withPort(hostPort string, secure bool) string {
	port := "50051"
	if secure {
		port = "443"
	}
	host := hostOf(hostPort)
	switch {
	case hostPort == "["+host+"]":
		return hostPort + ":" + port
	case hostPort == host && strings.Contains(host, ":"):
		return "[" + host + "]:" + port
	case hostPort == host:
		return host + ":" + port
	default:
		return hostPort
	}
}

func isTarget(target string) bool {
	colon := strings.LastIndex(target, ":")
	host, port := target[:colon], target[colon+1:]
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		address, err := netip.ParseAddr(host[1 : len(host)-1])
		return err == nil && address.Is6()
	}
	return host != "" && !notInHosts.MatchString(host)
}

func tlsCredentials(caPath string) (credentials.TransportCredentials, error) {
	if caPath == "" {
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), nil
	}
	pem, err := os.ReadFile(caPath)
	if err != nil {
		return nil, localFile("TLS_CA_UNREADABLE", caPath, err, "The certificates in %s cannot be read: %s.", caPath, causeOf(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, localFile("TLS_CA_UNREADABLE", caPath, nil, "%s has no certificate in the PEM format.", caPath)
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}), nil
}

// bearer sends the API key with every call. The key is held by a function, which no way of printing looks into.
type bearer struct {
	metadata func() map[string]string
	secure   bool
}

func newBearer(apiKey string, secure bool) bearer {
	metadata := map[string]string{"authorization": "Bearer " + apiKey}
	return bearer{metadata: func() map[string]string { return metadata }, secure: secure}
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return b.metadata(), nil
}

// RequireTransportSecurity lets the key go in plaintext only where plaintext was chosen, see parseServer.
func (b bearer) RequireTransportSecurity() bool { return b.secure }

func invalid(reason, format string, values ...any) *Error {
	return &Error{Code: CodeInvalidArgument, Reason: reason, Message: fmt.Sprintf(format, values...)}
}
