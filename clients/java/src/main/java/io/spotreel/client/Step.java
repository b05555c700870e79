package io.spotreel.client;

import java.util.Locale;

/** What is being done: first and last on this machine, in between on the server ({@code JobProgress.Stage}). */
public enum Step {
    /** A file goes to the server. */
    UPLOADING,
    /** The job waits for a machine. */
    WAITING,
    /** A machine is being rented. */
    PROVISIONING,
    /** The machine gets the worker's image. */
    PULLING_IMAGE,
    /** The worker gets the inputs. */
    FETCHING_INPUT,
    /** FFmpeg is at work. */
    ENCODING,
    /** The output goes to the server. */
    TRANSFERRING,
    /** The server checks the output. */
    VERIFYING,
    /** The job was called off and has not ended yet. */
    CANCELLING,
    /** The output comes to this machine. */
    DOWNLOADING,
    /** The job is final, whatever became of it. */
    DONE;

    /**
     * The step in words for people.
     *
     * @return such as {@code pulling image}
     */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
