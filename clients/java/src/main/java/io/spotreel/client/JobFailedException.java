package io.spotreel.client;

import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobFailure;

/** The job ended as FAILED; reason, message and metadata are those of its {@link JobFailure}. */
public final class JobFailedException extends SpotreelException {
    private static final long serialVersionUID = 1L;

    private final Job job;

    JobFailedException(Job job) {
        super(ErrorCode.JOB_FAILED, reasonOf(job), messageOf(job), Details.of(job.getFailure().getMetadataMap()), null);
        this.job = job;
    }

    /**
     * The job.
     *
     * @return the job as it ended
     */
    public Job job() {
        return job;
    }

    /**
     * The last words of FFmpeg.
     *
     * @return the end of its log; empty where it was not FFmpeg that failed
     */
    public String ffmpegLogTail() {
        return job.getFailure().getFfmpegLogTail();
    }

    private static String reasonOf(Job job) {
        String reason = job.getFailure().getReason();
        return reason.isEmpty() ? "INTERNAL" : reason;
    }

    private static String messageOf(Job job) {
        String message = job.getFailure().getMessage();
        return message.isEmpty() ? job.getName() + " failed." : message;
    }
}
