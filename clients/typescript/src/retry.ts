import { SpotreelError } from "./errors.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3000;
const JITTER_MS = 100;

/** A stream ended, fell silent or brought a bad chunk: what came before is good, the rest is asked for again. */
export function brokenStream(reason: string, message: string): SpotreelError {
  return new SpotreelError("UNAVAILABLE", message, { reason });
}

/** The same call may succeed soon. */
export function isTransient(error: unknown): error is SpotreelError {
  if (!(error instanceof SpotreelError)) {
    return false;
  }
  switch (error.code) {
    case "RESOURCE_EXHAUSTED":
      return error.retryDelayMs !== undefined;
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
    // Servers and proxies under load drop calls like this; what we have cancelled ourselves is said otherwise.
    case "CANCELLED":
      return true;
    default:
      return false;
  }
}

/**
 * Does `step` again while its failures are transient, for at most `patienceMs`, and returns its result.
 *
 * One call is one piece of progress: the pauses and the patience start anew with the next. The pauses are never shorter
 * than the server asks for. Throws the last failure of `step` when patience is over, or would be before the pause is.
 */
export async function persist<T>(
  step: () => Promise<T>,
  { patienceMs, pause }: { patienceMs: number; pause: (ms: number) => Promise<void> },
): Promise<T> {
  const start = performance.now();
  for (let backOffMs = FIRST_PAUSE_MS; ; backOffMs = Math.min(2 * backOffMs, LONGEST_PAUSE_MS)) {
    try {
      return await step();
    } catch (error) {
      if (!isTransient(error)) {
        throw error;
      }
      const pauseMs = Math.max(backOffMs + Math.random() * JITTER_MS, error.retryDelayMs ?? 0);
      if (performance.now() - start + pauseMs >= patienceMs) {
        throw error;
      }
      await pause(pauseMs);
    }
  }
}
