package spotreel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseServer(t *testing.T) {
	for _, test := range []struct {
		server, target string
		secure         bool
	}{
		{"video.example.com", "video.example.com:443", true},
		{"video.example.com:50051", "video.example.com:50051", true},
		{"https://video.example.com/", "video.example.com:443", true},
		{"http://video.example.com", "video.example.com:50051", false},
		{"localhost", "localhost:50051", false},
		{"localhost:1", "localhost:1", false},
		{"127.0.0.9:1", "127.0.0.9:1", false},
		{"https://127.0.0.1", "127.0.0.1:443", true},
		{"::1", "[::1]:50051", false},
		{"[::1]", "[::1]:50051", false},
		{"[::1]:7", "[::1]:7", false},
		{"[2001:db8::1]:7", "[2001:db8::1]:7", true},
		{"2001:db8::1", "[2001:db8::1]:443", true},
		{"192.0.2.1", "192.0.2.1:443", true},
		{"localhost.example.com", "localhost.example.com:443", true},
	} {
		target, secure, err := parseServer(test.server)
		if target != test.target || secure != test.secure || err != nil {
			t.Errorf("%s: got %s, TLS %t, %v", test.server, target, secure, err)
		}
	}
}

func TestParseServerRefuses(t *testing.T) {
	for _, server := range []string{
		"ftp://example.com", "https://", "://", ":", ":50051", "example.com:70000", "example.com:port", "example.com:",
		"example.com:50051/path", "user@example.com", "a b", "[example.com]:1", "[::1", "https://https://example.com",
	} {
		if _, _, err := parseServer(server); err == nil || err.(*Error).Reason != "SERVER_INVALID" {
			t.Errorf("%s: got %v", server, err)
		}
	}
}

func TestTheUserOfAServerIsRefusedAndNotRepeated(t *testing.T) {
	for _, server := range []string{
		"https://user:secret@example.com", "user:secret@example.com:50051", "ftp://user:secret@example.com", "secret@example.com",
	} {
		_, err := Dial(server)
		failure, _ := err.(*Error)
		if failure == nil || failure.Reason != "SERVER_INVALID" ||
			failure.Message != "A server is named without a user: write host:port, or https://host:port." {
			t.Errorf("%s: got %v", server, err)
		}
	}
}

func TestDialTakesWhatIsMissingFromTheEnvironment(t *testing.T) {
	t.Setenv(ServerVariable, "video.example.com")
	client, err := Dial("")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if client.Server() != "video.example.com:443" {
		t.Error(client.Server())
	}
}

func TestDialRefuses(t *testing.T) {
	t.Setenv(ServerVariable, "")
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		server, reason string
		option         Option
	}{
		{"", "SERVER_MISSING", WithAPIKey("key")},
		{"localhost", "API_KEY_MALFORMED", WithAPIKey("schlüssel")},
		{"localhost", "API_KEY_MALFORMED", WithAPIKey("secret\n")},
		{"example.com", "TLS_CA_UNREADABLE", WithTLSCA("no/such/file")},
		{"example.com", "TLS_CA_UNREADABLE", WithTLSCA(noPEM)},
	} {
		_, err := Dial(test.server, test.option)
		if err == nil || err.(*Error).Reason != test.reason {
			t.Errorf("%q: got %v, want %s", test.server, err, test.reason)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error("the error shows the key")
		}
	}
}

func TestTheKeyIsNeverPrinted(t *testing.T) {
	const key = "a-very-secret-key"
	where, err := resolveEndpoint("localhost", key, "")
	if err != nil {
		t.Fatal(err)
	}
	client, err := Dial("localhost", WithAPIKey(key))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, value := range []any{where, *where, where.perCall, client, WithAPIKey(key)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, key) {
				t.Errorf("%s of %T shows the key", verb, value)
			}
		}
	}
}

func TestTheKeyGoesInPlaintextOnlyWhereThatWasChosen(t *testing.T) {
	for server, wanted := range map[string]bool{"localhost": false, "http://example.com": false, "example.com": true} {
		where, err := resolveEndpoint(server, "key", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := where.perCall.RequireTransportSecurity(); got != wanted {
			t.Errorf("%s: got %t", server, got)
		}
	}
}
