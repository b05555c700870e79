package io.spotreel.client;

import io.spotreel.orchestrator.v1.Job;
import io.spotreel.orchestrator.v1.JobProgress;
import java.util.OptionalDouble;

/** What a job's state means to somebody who waits for it. States and stages of a newer server are UNRECOGNIZED. */
final class Jobs {
    private Jobs() {}

    static boolean isFinal(Job job) {
        return switch (job.getState()) {
            case STATE_SUCCEEDED, STATE_FAILED, STATE_CANCELLED -> true;
            default -> false;
        };
    }

    /** Makes what callers are shown out of what the server says. */
    static Progress progressOf(Job job) {
        return switch (job.getState()) {
            case STATE_SUCCEEDED -> Progress.ofJob(Step.DONE, OptionalDouble.of(1), job);
            case STATE_FAILED, STATE_CANCELLED -> Progress.ofJob(Step.DONE, OptionalDouble.empty(), job);
            case STATE_CANCELLING -> Progress.ofJob(Step.CANCELLING, OptionalDouble.empty(), job);
            default -> {
                Step step = stepOf(job.getProgress().getStage());
                yield Progress.ofJob(step, fractionOf(step, job.getProgress()), job);
            }
        };
    }

    private static Step stepOf(JobProgress.Stage stage) {
        return switch (stage) {
            case STAGE_PROVISIONING -> Step.PROVISIONING;
            case STAGE_PULLING_IMAGE -> Step.PULLING_IMAGE;
            case STAGE_FETCHING_INPUT -> Step.FETCHING_INPUT;
            case STAGE_ENCODING -> Step.ENCODING;
            case STAGE_TRANSFERRING -> Step.TRANSFERRING;
            case STAGE_VERIFYING -> Step.VERIFYING;
            default -> Step.WAITING;
        };
    }

    private static OptionalDouble fractionOf(Step step, JobProgress progress) {
        return switch (step) {
            // Nobody knows before how long these take.
            case WAITING, PROVISIONING, PULLING_IMAGE -> OptionalDouble.empty();
            default -> OptionalDouble.of(progress.getFraction());
        };
    }

    /** Returns the job if it SUCCEEDED; throws otherwise. */
    static Job succeeded(Job job) {
        return switch (job.getState()) {
            case STATE_FAILED -> throw new JobFailedException(job);
            case STATE_CANCELLED -> throw new JobCancelledException(job);
            default -> job;
        };
    }
}
