package io.spotreel.client;

import io.spotreel.orchestrator.v1.Job;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** A piece of work that goes on in a thread of its own; see {@link SpotreelClient#start}. */
public final class Run {
    private final CompletableFuture<Job> outcome = new CompletableFuture<>();
    private final Thread thread;

    private Run(Callable<Job> work) {
        thread = new Thread(() -> complete(work), "spotreel-run");
        thread.setDaemon(true);
    }

    static Run start(Callable<Job> work) {
        Run run = new Run(work);
        run.thread.start();
        return run;
    }

    private void complete(Callable<Job> work) {
        try {
            outcome.complete(work.call());
        } catch (InterruptedException e) {
            outcome.cancel(false);
        } catch (Throwable e) {
            outcome.completeExceptionally(e);
        }
    }

    /**
     * Calls the work off: the job is cancelled on the server, and {@link #await} throws CancellationException once it has
     * ended, after 30 s at the latest. Cancel once more to stop waiting for its end. Without effect on work that is done.
     */
    public void cancel() {
        thread.interrupt();
    }

    /**
     * Waits for the end of the work. An interrupt ends the waiting, not the work.
     *
     * @return the job, SUCCEEDED
     * @throws SpotreelException as {@link SpotreelClient#run} does
     * @throws CancellationException where the work was called off
     * @throws InterruptedException where this thread is interrupted meanwhile
     */
    public Job await() throws InterruptedException {
        try {
            return outcome.get();
        } catch (ExecutionException e) {
            // SpotreelException, or what the consumer of the progress has thrown; nothing else is declared.
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        }
    }

    /**
     * The end of the work, for those who do not wait.
     *
     * @return a future that completes as {@link #await} returns or throws. Cancelling it has no effect on the work: use
     *     {@link #cancel}.
     */
    public CompletableFuture<Job> toCompletableFuture() {
        // Not copy(): that hides a cancellation in a CompletionException.
        CompletableFuture<Job> future = new CompletableFuture<>();
        outcome.whenComplete((job, failure) -> {
            if (failure == null) {
                future.complete(job);
            } else {
                future.completeExceptionally(failure);
            }
        });
        return future;
    }
}
