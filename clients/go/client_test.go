package spotreel_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestErrorsCarryWhatTheServerSays(t *testing.T) {
	s := serve(t)
	s.get = func(context.Context) (*orchestratorv1.Job, error) {
		return nil, refusal(codes.InvalidArgument, "INVALID_ARGUMENT",
			&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
				{Field: "name", Description: "is wrong"},
			}})
	}
	_, err := s.dial(t).GetJob(t.Context(), jobName)
	failure := errorOf(t, err, spotreel.CodeInvalidArgument, "INVALID_ARGUMENT")
	if failure.Message != "It was refused." || failure.Metadata["from"] != "test" || failure.RequestID != "request-1" ||
		*failure.RetryDelay != 1500*time.Millisecond ||
		failure.Violations[0] != (spotreel.FieldViolation{Field: "name", Description: "is wrong"}) {
		t.Errorf("%+v", failure)
	}
	if !errors.Is(err, spotreel.CodeInvalidArgument) || errors.Is(err, spotreel.CodeNotFound) ||
		status.Code(err) != codes.InvalidArgument {
		t.Error("the kind of the error cannot be told")
	}
}

func TestAServerThatIsNotThereDoesNotAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	client, err := spotreel.Dial(address, spotreel.WithAPIKey("a-secret"), spotreel.WithPatience(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.GetJob(t.Context(), jobName)
	failure := errorOf(t, err, spotreel.CodeUnavailable, "UNAVAILABLE")
	if want := address + " does not answer: dial tcp " + address + ": connect: connection refused."; failure.Message != want {
		t.Errorf("got %q, want %q", failure.Message, want)
	}
	_, err = client.WaitJob(t.Context(), jobName, nil)
	errorOf(t, err, spotreel.CodeUnavailable, "UNAVAILABLE")
}

func TestUnaryCallsAreTriedAgain(t *testing.T) {
	s := serve(t)
	s.get = func(context.Context) (*orchestratorv1.Job, error) {
		if s.calls("GetJob") < 3 {
			return nil, refusal(codes.Unavailable, "SHUTTING_DOWN")
		}
		return job(orchestratorv1.Job_STATE_RUNNING), nil
	}
	found, err := s.dial(t).GetJob(t.Context(), jobName)
	if err != nil || found.GetState() != orchestratorv1.Job_STATE_RUNNING {
		t.Error(found, err)
	}
}

func TestAServerThatStaysUnavailableIsQuotedAsItSpoke(t *testing.T) {
	s := serve(t)
	s.get = func(context.Context) (*orchestratorv1.Job, error) {
		return nil, refusal(codes.Unavailable, "SHUTTING_DOWN")
	}
	_, err := s.dial(t).GetJob(t.Context(), jobName)
	if failure := errorOf(t, err, spotreel.CodeUnavailable, "SHUTTING_DOWN"); failure.Message != "It was refused." {
		t.Error(failure.Message)
	}
	if s.calls("GetJob") != 4 {
		t.Errorf("%d calls, want the 4 of the service config", s.calls("GetJob"))
	}
}

func TestTimeoutBoundsUnaryCalls(t *testing.T) {
	s := serve(t)
	s.get = func(ctx context.Context) (*orchestratorv1.Job, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := s.dial(t, spotreel.WithTimeout(50*time.Millisecond)).GetJob(t.Context(), jobName)
	failure := errorOf(t, err, spotreel.CodeDeadlineExceeded, "DEADLINE_EXCEEDED")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(failure.Message, "does not answer") {
		t.Error(err)
	}
}

func TestTheCallersContextEndsAsItself(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.get = func(serverSide context.Context) (*orchestratorv1.Job, error) {
		cancel()
		<-serverSide.Done()
		return nil, serverSide.Err()
	}
	if _, err := s.dial(t).GetJob(ctx, jobName); err != context.Canceled {
		t.Error(err)
	}
}

func TestAClosedClientSaysSo(t *testing.T) {
	client := serve(t).dial(t)
	client.Close()
	_, err := client.GetJob(t.Context(), jobName)
	errorOf(t, err, spotreel.CodeFailedPrecondition, "CLIENT_CLOSED")
	_, err = client.WaitJob(t.Context(), jobName, nil)
	errorOf(t, err, spotreel.CodeFailedPrecondition, "CLIENT_CLOSED")
}

func TestTheKeyIsSentWithEveryCall(t *testing.T) {
	s := serve(t)
	client := s.dial(t, spotreel.WithAPIKey("my-key"))
	if _, err := client.Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: t.TempDir() + "/out"}); err != nil {
		t.Fatal(err)
	}
	if len(s.keys) != len(s.called) {
		t.Errorf("%d keys in %d calls", len(s.keys), len(s.called))
	}
	for _, key := range s.keys {
		if key != "Bearer my-key" {
			t.Error(key)
		}
	}
}

func TestListJobsGoesOverAllPages(t *testing.T) {
	s := serve(t)
	request := &orchestratorv1.ListJobsRequest{}
	count := 0
	for _, err := range s.dial(t).ListJobs(t.Context(), request) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != 3 || request.GetPageToken() != "" {
		t.Error(count, request)
	}
	for range s.dial(t).ListJobs(t.Context(), request) {
		break
	}
	if s.calls("ListJobs") != 4 {
		t.Error("a page came that nobody wanted")
	}
}

func TestCreateJobMakesARequestIDOnce(t *testing.T) {
	s := serve(t)
	s.create = func(*orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
		if s.calls("CreateJob") == 1 {
			return nil, refusal(codes.Unavailable, "SHUTTING_DOWN")
		}
		return job(orchestratorv1.Job_STATE_QUEUED), nil
	}
	if _, err := s.dial(t).CreateJob(t.Context(), &orchestratorv1.CreateJobRequest{}); err != nil {
		t.Fatal(err)
	}
	if len(s.requests) != 2 || len(s.requests[0]) != 36 || s.requests[0] != s.requests[1] {
		t.Error(s.requests)
	}
}
