package io.spotreel.client;

import io.spotreel.orchestrator.v1.Job;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How far a piece of work is, on this machine and on the server.
 *
 * @param step what is being done
 * @param fraction 0 to 1 within the step; empty where it cannot be known
 * @param job the job as the server tells of it; empty while files are moved
 * @param file the file that is moved; empty while the server works
 * @param bytesDone how much of the file was moved
 * @param bytesTotal the size of the file; 0 while it is not known
 */
public record Progress(
        Step step, OptionalDouble fraction, Optional<Job> job, Optional<Path> file, long bytesDone, long bytesTotal) {

    static Progress ofJob(Step step, OptionalDouble fraction, Job job) {
        return new Progress(step, fraction, Optional.of(job), Optional.empty(), 0, 0);
    }

    static Progress ofFile(Step step, Path file, long done, long total) {
        OptionalDouble fraction = total == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) done / total);
        return new Progress(step, fraction, Optional.empty(), Optional.of(file), done, total);
    }
}
