package io.spotreel.client;

import io.spotreel.orchestrator.v1.Job;
import java.util.Map;

/** The job ended as CANCELLED, by another client or an operator. */
public final class JobCancelledException extends SpotreelException {
    private static final long serialVersionUID = 1L;

    private final Job job;

    JobCancelledException(Job job) {
        super(
                ErrorCode.JOB_CANCELLED,
                "JOB_CANCELLED",
                job.getName() + " was cancelled.",
                Details.of(Map.of("job", job.getName())),
                null);
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
}
