/**
 * The client of Spotreel: video jobs that run on rented GPUs.
 *
 * <p>Start with {@link io.spotreel.client.SpotreelClient}. The messages of the service are in {@code
 * io.spotreel.orchestrator.v1} (jobs, assets) and {@code io.spotreel.media.v1} (operations, outputs).
 */
package io.spotreel.client;
