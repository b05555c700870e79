package io.spotreel.client;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Time-outs and retries of each unary method, the same for the clients of every language. */
final class ServiceConfig {
    private ServiceConfig() {}

    /**
     * Reads protos/service_config.json, which is in the jar. Streams are not in it: gRPC could only repeat them from the
     * start, the client resumes them where they broke.
     */
    static Map<String, ?> load() {
        try (Reader json = new InputStreamReader(
                ServiceConfig.class.getResourceAsStream("service_config.json"), StandardCharsets.UTF_8)) {
            return new Gson().fromJson(json, new TypeToken<Map<String, ?>>() {}.getType());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
