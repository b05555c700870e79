package io.spotreel.client;

import java.nio.file.Path;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;

/** How a piece of work is done, beside the work itself. */
public final class RunOptions {
    private final Path to;
    private final String requestId;
    private final DownloadOptions download;

    private RunOptions(Builder builder) {
        to = builder.to;
        requestId = builder.requestId;
        download = builder.download.build();
    }

    /**
     * Starts from the defaults.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Where the output is written; null: nowhere. */
    Path to() {
        return to;
    }

    /** What a new piece of work is called: by default each one differently, whether or not the options are the same. */
    String requestId() {
        return requestId == null ? UUID.randomUUID().toString() : requestId;
    }

    DownloadOptions download() {
        return download;
    }

    Consumer<Progress> onProgress() {
        return download.onProgress();
    }

    /** Builds {@link RunOptions}. */
    public static final class Builder {
        private Path to;
        private String requestId;
        private final DownloadOptions.Builder download = DownloadOptions.builder();

        private Builder() {}

        /**
         * Says where the output is written; only a complete, verified file ever gets the name.
         *
         * @param to a file in a folder that exists; unless set, the output stays on the server
         * @return this
         */
        public Builder to(Path to) {
            this.to = Objects.requireNonNull(to);
            return this;
        }

        /**
         * Says whether the output may replace a file.
         *
         * @param overwrite false unless set: a file that exists is refused (FILE_EXISTS) before anything starts
         * @return this
         */
        public Builder overwrite(boolean overwrite) {
            download.overwrite(overwrite);
            return this;
        }

        /**
         * Says whether an interrupted download may leave {@code <to>.part}.
         *
         * @param keepPartial see {@link DownloadOptions.Builder#keepPartial}
         * @return this
         */
        public Builder keepPartial(boolean keepPartial) {
            download.keepPartial(keepPartial);
            return this;
        }

        /**
         * Has progress reported, in the thread that works; while a job is called off, in another one.
         *
         * @param onProgress is given each report; it holds up the work while it runs
         * @return this
         */
        public Builder onProgress(Consumer<Progress> onProgress) {
            download.onProgress(onProgress);
            return this;
        }

        /**
         * Names the work, so that a program that starts anew finds the job that it created before instead of another one.
         *
         * @param requestId a UUID; unless set, one is made for each run
         * @return this
         */
        public Builder requestId(String requestId) {
            this.requestId = Objects.requireNonNull(requestId);
            return this;
        }

        /**
         * Makes the options.
         *
         * @return the options
         */
        public RunOptions build() {
            return new RunOptions(this);
        }
    }
}
