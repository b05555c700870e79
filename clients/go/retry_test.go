package spotreel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var unavailable = &Error{Code: CodeUnavailable, Reason: "UNAVAILABLE"}

// tries does persist with a step that always fails, and tells at what times it was tried. The time is that of synctest.
func tries(ctx context.Context, patience time.Duration, failure error) (times []time.Duration, err error) {
	start := time.Now()
	err = persist(ctx, patience, func() error {
		times = append(times, time.Since(start))
		return failure
	})
	return times, err
}

func TestPersistPausesLongerEachTimeAndGivesUpWhenPatienceIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times, err := tries(t.Context(), time.Minute, unavailable)
		if err != unavailable {
			t.Fatal(err)
		}
		least := firstPause
		for i := 1; i < len(times); i++ {
			pause := times[i] - times[i-1]
			if pause < least || pause > least+jitter {
				t.Errorf("pause %d is %s, want %s to %s", i, pause, least, least+jitter)
			}
			least = min(2*least, longestWait)
		}
		if last := times[len(times)-1]; last > time.Minute || last < time.Minute-longestWait-jitter {
			t.Errorf("the last try was at %s", last)
		}
	})
}

func TestPersistWaitsAsLongAsTheServerAsks(t *testing.T) {
	delay := 20 * time.Second
	failure := &Error{Code: CodeResourceExhausted, Reason: "TOO_MANY_REQUESTS", RetryDelay: &delay}
	synctest.Test(t, func(t *testing.T) {
		times, err := tries(t.Context(), time.Minute, failure)
		if err != failure || len(times) != 3 || times[1] != delay || times[2] != 2*delay {
			t.Error(times, err)
		}
	})
}

func TestPersistDoesNotRepeatWhatCannotSucceed(t *testing.T) {
	for _, failure := range []error{
		&Error{Code: CodeNotFound}, &Error{Code: CodeResourceExhausted}, &Error{Code: CodeLocalFile}, context.Canceled,
	} {
		times, err := tries(t.Context(), time.Minute, failure)
		if err != failure || len(times) != 1 {
			t.Errorf("%v: %d tries, %v", failure, len(times), err)
		}
	}
}

func TestPersistEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := tries(ctx, time.Hour, unavailable)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Error(time.Since(start), err)
		}
	})
}
