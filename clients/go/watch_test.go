package spotreel_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	queued    = orchestratorv1.Job_STATE_QUEUED
	running   = orchestratorv1.Job_STATE_RUNNING
	succeeded = orchestratorv1.Job_STATE_SUCCEEDED
	failed    = orchestratorv1.Job_STATE_FAILED
	cancelled = orchestratorv1.Job_STATE_CANCELLED
)

func watch(ctx context.Context, client *spotreel.Client) (states []orchestratorv1.Job_State, err error) {
	for job, err := range client.WatchJob(ctx, jobName) {
		if err != nil {
			return states, err
		}
		states = append(states, job.GetState())
	}
	return states, nil
}

// TestWatchGoesOn: whatever breaks the first call after two messages, the second one goes on behind them.
func TestWatchGoesOn(t *testing.T) {
	for name, fault := range map[string]func(context.Context) error{
		"unavailable":         func(context.Context) error { return refusal(codes.Unavailable, "SHUTTING_DOWN") },
		"dropped":             func(context.Context) error { return refusal(codes.Canceled, "CANCELLED") },
		"deadline":            func(context.Context) error { return refusal(codes.DeadlineExceeded, "DEADLINE_EXCEEDED") },
		"ended early with OK": func(context.Context) error { return nil },
		"silent":              func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"too many requests": func(context.Context) error {
			return refusal(codes.ResourceExhausted, "TOO_MANY_REQUESTS", &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			s.watch = func(call int, request *orchestratorv1.WatchJobRequest, stream watchStream) error {
				if call > 1 {
					return s.show(request, stream, queued, running, running, succeeded)
				}
				if err := s.show(request, stream, queued, running); err != nil {
					return err
				}
				return fault(stream.Context())
			}
			states, err := watch(t.Context(), s.dial(t, spotreel.WithHeartbeat(30*time.Millisecond)))
			if want := []orchestratorv1.Job_State{queued, running, running, succeeded}; !slices.Equal(states, want) || err != nil {
				t.Error(states, err)
			}
			if want := []int64{0, 2}; !slices.Equal(s.sequences, want) {
				t.Errorf("asked after %v, want %v", s.sequences, want)
			}
		})
	}
}

func TestWatchRaisesWhatCannotGetBetter(t *testing.T) {
	for reason, code := range map[string]codes.Code{"JOB_NOT_FOUND": codes.NotFound, "QUOTA": codes.ResourceExhausted} {
		s := serve(t)
		s.watch = func(int, *orchestratorv1.WatchJobRequest, watchStream) error { return refusal(code, reason) }
		_, err := watch(t.Context(), s.dial(t))
		failure := err.(*spotreel.Error)
		if failure.Reason != reason || failure.RequestID != "request-1" || s.calls("WatchJob") != 1 {
			t.Errorf("%+v after %d calls", failure, s.calls("WatchJob"))
		}
	}
}

func TestWatchLosesPatience(t *testing.T) {
	s := serve(t)
	s.watch = func(int, *orchestratorv1.WatchJobRequest, watchStream) error {
		return refusal(codes.Unavailable, "SHUTTING_DOWN")
	}
	start := time.Now()
	_, err := watch(t.Context(), s.dial(t, spotreel.WithPatience(300*time.Millisecond)))
	errorOf(t, err, spotreel.CodeUnavailable, "SHUTTING_DOWN")
	if s.calls("WatchJob") < 2 || time.Since(start) > 5*time.Second {
		t.Error(s.calls("WatchJob"), time.Since(start))
	}
}

func TestAServerThatNeverAnsweredIsGivenFiveSeconds(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.watch = func(int, *orchestratorv1.WatchJobRequest, watchStream) error {
		return refusal(codes.Unavailable, "SHUTTING_DOWN")
	}
	start := time.Now()
	_, err := watch(t.Context(), s.dial(t, spotreel.WithPatience(time.Minute)))
	errorOf(t, err, spotreel.CodeUnavailable, "SHUTTING_DOWN")
	if took := time.Since(start); took > 10*time.Second {
		t.Error(took)
	}
}

func TestAServerThatHasAnsweredIsGivenMore(t *testing.T) {
	s := serve(t)
	// A wait that a stranger is not granted.
	delay := durationpb.New(10 * time.Second)
	s.watch = func(int, *orchestratorv1.WatchJobRequest, watchStream) error {
		return refusal(codes.ResourceExhausted, "TOO_MANY_REQUESTS", &errdetails.RetryInfo{RetryDelay: delay})
	}
	client := s.dial(t, spotreel.WithPatience(time.Minute))
	_, err := watch(t.Context(), client)
	errorOf(t, err, spotreel.CodeResourceExhausted, "TOO_MANY_REQUESTS")
	if _, err := client.GetJob(t.Context(), jobName); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := watch(ctx, client); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that it still waits", err)
	}
}

func TestASilentServerIsSaidToBeSilent(t *testing.T) {
	s := serve(t)
	s.watch = func(_ int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		<-stream.Context().Done()
		return nil
	}
	_, err := watch(t.Context(), s.dial(t, spotreel.WithPatience(0), spotreel.WithHeartbeat(20*time.Millisecond)))
	failure := errorOf(t, err, spotreel.CodeUnavailable, "STREAM_SILENT")
	if want := s.address + " has been silent for 60ms."; failure.Message != want {
		t.Errorf("got %q, want %q", failure.Message, want)
	}
}

func TestPatienceStartsAnewWithEachMessage(t *testing.T) {
	s := serve(t)
	s.watch = func(call int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		// Each break costs 0.1 s at least, so that 8 of them together are longer than the patience.
		if call == 8 {
			return stream.Send(&orchestratorv1.WatchJobResponse{Sequence: int64(call), Job: job(succeeded)})
		}
		_ = stream.Send(&orchestratorv1.WatchJobResponse{Sequence: int64(call), Job: job(running)})
		return refusal(codes.Unavailable, "SHUTTING_DOWN")
	}
	states, err := watch(t.Context(), s.dial(t, spotreel.WithPatience(600*time.Millisecond)))
	if len(states) != 8 || err != nil {
		t.Error(states, err)
	}
}

func TestHeartbeatsAreNotShown(t *testing.T) {
	s := serve(t)
	s.watch = func(_ int, request *orchestratorv1.WatchJobRequest, stream watchStream) error {
		for _, each := range []*orchestratorv1.WatchJobResponse{
			{Sequence: 1, Job: job(running)}, {Sequence: 1, Job: job(running)}, {Sequence: 1, Job: job(running)},
			{Sequence: 2, Job: job(succeeded)},
		} {
			if err := stream.Send(each); err != nil {
				return err
			}
		}
		return nil
	}
	states, err := watch(t.Context(), s.dial(t))
	if want := []orchestratorv1.Job_State{running, succeeded}; !slices.Equal(states, want) || err != nil {
		t.Error(states, err)
	}
}

func TestStatesAndStagesOfANewerServerAreTolerated(t *testing.T) {
	s := serve(t)
	s.watch = func(_ int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		newer := job(99)
		newer.Progress = &orchestratorv1.JobProgress{Stage: 77, Fraction: 0.5}
		_ = stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 1, Job: newer})
		return stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 2, Job: job(succeeded)})
	}
	var seen []spotreel.Progress
	last, err := s.dial(t).WaitJob(t.Context(), jobName, func(progress spotreel.Progress) { seen = append(seen, progress) })
	if err != nil || last.GetState() != succeeded || len(seen) != 2 {
		t.Fatal(last, err, seen)
	}
	if seen[0].Step != spotreel.StepWaiting || seen[0].Fraction != spotreel.UnknownFraction || seen[0].Job.GetState() != 99 {
		t.Error(seen[0])
	}
	if seen[1].Step != spotreel.StepDone || seen[1].Fraction != 1 {
		t.Error(seen[1])
	}
}

func TestAWatchThatIsLeftEndsItsCall(t *testing.T) {
	s := serve(t)
	ended := make(chan struct{})
	s.watch = func(_ int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		_ = stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 1, Job: job(running)})
		<-stream.Context().Done()
		close(ended)
		return nil
	}
	for range s.dial(t).WatchJob(t.Context(), jobName) {
		break
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the server still sends")
	}
}
