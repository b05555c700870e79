package io.spotreel.client;

import java.util.Objects;
import java.util.function.Consumer;

/** How an output is brought home. */
public final class DownloadOptions {
    private final boolean overwrite;
    private final boolean keepPartial;
    private final Consumer<Progress> onProgress;

    private DownloadOptions(Builder builder) {
        overwrite = builder.overwrite;
        keepPartial = builder.keepPartial;
        onProgress = builder.onProgress;
    }

    /**
     * Starts from the defaults.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    boolean overwrite() {
        return overwrite;
    }

    boolean keepPartial() {
        return keepPartial;
    }

    Consumer<Progress> onProgress() {
        return onProgress;
    }

    /** Builds {@link DownloadOptions}. */
    public static final class Builder {
        private boolean overwrite;
        private boolean keepPartial = true;
        private Consumer<Progress> onProgress = progress -> {};

        private Builder() {}

        /**
         * Says whether the output may replace a file.
         *
         * @param overwrite false unless set: a file that exists is refused (FILE_EXISTS)
         * @return this
         */
        public Builder overwrite(boolean overwrite) {
            this.overwrite = overwrite;
            return this;
        }

        /**
         * Says whether an interrupted download may leave {@code <to>.part}, which the next one takes up. It is left only
         * where going on makes sense: the server went away, the disk is full. One that was there before stays in any case,
         * unless it turns out to be of something else.
         *
         * @param keepPartial true unless set
         * @return this
         */
        public Builder keepPartial(boolean keepPartial) {
            this.keepPartial = keepPartial;
            return this;
        }

        /**
         * Has progress reported, in the thread that works.
         *
         * @param onProgress is given each report; it holds up the work while it runs
         * @return this
         */
        public Builder onProgress(Consumer<Progress> onProgress) {
            this.onProgress = Objects.requireNonNull(onProgress);
            return this;
        }

        /**
         * Makes the options.
         *
         * @return the options
         */
        public DownloadOptions build() {
            return new DownloadOptions(this);
        }
    }
}
