package spotreel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	firstPause  = 100 * time.Millisecond
	longestWait = 3 * time.Second
	jitter      = 100 * time.Millisecond
)

// isTransient tells whether the same call may succeed soon.
func isTransient(err error) bool {
	var failure *Error
	if !errors.As(err, &failure) {
		return false
	}
	return isUnavailable(failure) || failure.Code == CodeResourceExhausted && failure.RetryDelay != nil
}

// isUnavailable tells whether the server could not be reached, or was silent.
func isUnavailable(err error) bool {
	// CANCELLED is how a gRPC server drops calls beyond what it can queue; our own cancelling is the context's error.
	return errors.Is(err, CodeUnavailable) || errors.Is(err, CodeDeadlineExceeded) || errors.Is(err, CodeCancelled)
}

// brokenStream is a stream that ended, fell silent or brought a bad chunk: what came before is good, the rest is asked
// for again.
func brokenStream(reason, format string, values ...any) *Error {
	return &Error{Code: CodeUnavailable, Reason: reason, Message: fmt.Sprintf(format, values...)}
}

// persist does step again while its failures are transient. It is the one retry policy for what the service config
// cannot do: going on with a stream where it broke.
//
// It pauses 0.1 s at first, doubled up to 3 s, jittered, and never less than the server asks for with RetryInfo. One
// call is one piece of progress: the pauses and the patience start anew with the next. It returns the last failure
// when patience is over, or would be before the pause is.
func persist(ctx context.Context, patience time.Duration, step func() error) error {
	start := time.Now()
	for pause := firstPause; ; pause = min(2*pause, longestWait) {
		err := step()
		if err == nil || !isTransient(err) {
			return err
		}
		wait := pause + rand.N(jitter)
		var failure *Error
		if errors.As(err, &failure) && failure.RetryDelay != nil {
			wait = max(wait, *failure.RetryDelay)
		}
		if time.Since(start)+wait >= patience {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
