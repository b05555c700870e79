package io.spotreel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
    private static Endpoint resolve(String server) {
        return Endpoint.resolve(server, null, null, name -> null);
    }

    @ParameterizedTest
    @CsvSource({
        "localhost, localhost:50051, false",
        "localhost:1234, localhost:1234, false",
        "127.0.0.1:1234, 127.0.0.1:1234, false",
        "127.9.9.9, 127.9.9.9:50051, false",
        "[::1]:1234, [::1]:1234, false",
        "::1, [::1]:50051, false",
        "https://localhost:1234, localhost:1234, true",
        "http://render.example, render.example:50051, false",
        "https://render.example/, render.example:443, true",
        "render.example, render.example:443, true",
        "render.example:50051, render.example:50051, true",
        "10.0.0.1, 10.0.0.1:443, true",
        "127.example, 127.example:443, true",
        "[2001:db8::1], [2001:db8::1]:443, true",
    })
    void usesTlsUnlessTheServerIsThisMachine(String server, String target, boolean tls) {
        Endpoint endpoint = resolve(server);
        assertEquals(target, endpoint.target());
        assertEquals(
                tls ? TlsChannelCredentials.class : InsecureChannelCredentials.class,
                endpoint.credentials().getClass());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ftp://render.example",
                "https://",
                "render.example:port",
                "render.example:65536",
                "render.example:",
                ":50051",
                "render.example:1/path",
                "render example",
                "[render.example]:1",
                "[::1",
                "1:2:3:zz",
                // gRPC's resolver takes none of these.
                "my_host:50051",
                "127.1:50051",
                "http://münchen.example",
            })
    void refusesWhatIsNoServer(String server) {
        SpotreelException e = assertThrows(SpotreelException.class, () -> resolve(server));
        assertEquals("SERVER_INVALID", e.reason());
        assertEquals(ErrorCode.INVALID_ARGUMENT, e.code());
        assertTrue(e.getMessage().contains(server));
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://user:s3cret@render.example", "s3cret@render.example:1", "a:s3cret@[::1]:1"})
    void refusesAUserWithoutShowingIt(String server) {
        SpotreelException e = assertThrows(SpotreelException.class, () -> resolve(server));
        assertEquals("SERVER_INVALID", e.reason());
        assertEquals(
                "A server is named without a user: write host:port, or https://host:port.", e.getMessage());
    }

    @Test
    void refusesCertificatesWhoseNameNoFileCanHave() {
        LocalFileException e = assertThrows(
                LocalFileException.class,
                () -> Endpoint.resolve(
                        "localhost", null, null, name -> name.equals("SPOTREEL_TLS_CA") ? "ca\0.pem" : null));
        assertEquals("TLS_CA_UNREADABLE", e.reason());
    }

    @Test
    void asksForAServerWhereNoneIsNamed() {
        SpotreelException e = assertThrows(SpotreelException.class, () -> resolve(null));
        assertEquals("SERVER_MISSING", e.reason());
    }

    @Test
    void takesWhatIsMissingFromTheEnvironment() {
        Map<String, String> environment =
                Map.of("SPOTREEL_SERVER", "localhost:1", "SPOTREEL_API_KEY", "key", "SPOTREEL_TLS_CA", "");
        Endpoint endpoint = Endpoint.resolve(null, null, null, environment::get);
        assertEquals("localhost:1", endpoint.target());
        assertTrue(endpoint.apiKey() != null);
        assertEquals("localhost:2", Endpoint.resolve("localhost:2", null, null, environment::get).target());
    }

    @ParameterizedTest
    @ValueSource(strings = {"schlüssel", "two\nlines", "tab\t"})
    void refusesAKeyThatAHeaderCannotCarryAndDoesNotShowIt(String key) {
        SpotreelException e = assertThrows(
                SpotreelException.class, () -> Endpoint.resolve("localhost", key, null, name -> null));
        assertEquals("API_KEY_MALFORMED", e.reason());
        assertFalse(e.toString().contains(key));
    }

    @Test
    void neverShowsTheKey() {
        Endpoint endpoint = Endpoint.resolve("localhost", "s3cret", null, name -> null);
        assertFalse(endpoint.toString().contains("s3cret"));
        assertFalse(SpotreelClient.builder().apiKey("s3cret").toString().contains("s3cret"));
    }

    @Test
    void saysWhichCertificatesCannotBeRead(@TempDir Path folder) throws IOException {
        Path missing = folder.resolve("missing.pem");
        Path wrong = Files.writeString(folder.resolve("wrong.pem"), "no certificate");
        for (Path ca : new Path[] {missing, wrong}) {
            LocalFileException e = assertThrows(
                    LocalFileException.class, () -> Endpoint.resolve("https://localhost", null, ca, name -> null));
            assertEquals("TLS_CA_UNREADABLE", e.reason());
            assertEquals(ca.toString(), e.metadata().get("path"));
        }
    }
}
