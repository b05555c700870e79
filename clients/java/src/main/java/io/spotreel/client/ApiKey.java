package io.spotreel.client;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import java.util.concurrent.Executor;

/** Sends the key with each call, and shows it to nobody. */
final class ApiKey extends CallCredentials {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final String key;

    /** Throws SpotreelException (API_KEY_MALFORMED) for what a header cannot carry. */
    ApiKey(String key) {
        if (!key.chars().allMatch(character -> character >= ' ' && character <= '~')) {
            throw new SpotreelException(
                    ErrorCode.INVALID_ARGUMENT,
                    "API_KEY_MALFORMED",
                    "The API key may only have printable ASCII characters.");
        }
        this.key = key;
    }

    @Override
    public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
        Metadata headers = new Metadata();
        headers.put(AUTHORIZATION, "Bearer " + key);
        applier.apply(headers);
    }
}
