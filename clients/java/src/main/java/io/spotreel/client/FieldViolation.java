package io.spotreel.client;

import java.io.Serializable;

/**
 * One field of a request that is wrong.
 *
 * @param field where it is, such as {@code spec.output.video.quality}
 * @param description what is wrong with it
 */
public record FieldViolation(String field, String description) implements Serializable {}
