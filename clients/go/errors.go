package spotreel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Code is a kind of failure. It is an error only to be asked for: errors.Is(err, spotreel.CodeNotFound).
type Code string

// The canonical codes of gRPC, as far as they are told apart, and three for what is no failed call.
const (
	// CodeUnavailable: nobody answers; try again later.
	CodeUnavailable Code = "UNAVAILABLE"
	// CodeDeadlineExceeded: no answer came in time; try again later. It is context.DeadlineExceeded, too.
	CodeDeadlineExceeded Code = "DEADLINE_EXCEEDED"
	// CodeCancelled: the server has dropped the call; try again later. Calling off one's own work is
	// context.Canceled.
	CodeCancelled Code = "CANCELLED"
	// CodeUnauthenticated: the server wants an API key, and there was none or a wrong one.
	CodeUnauthenticated Code = "UNAUTHENTICATED"
	// CodePermissionDenied: the key is known, and may not do this.
	CodePermissionDenied Code = "PERMISSION_DENIED"
	// CodeInvalidArgument: wrong for ever; Error.Violations names each field.
	CodeInvalidArgument Code = "INVALID_ARGUMENT"
	// CodeNotFound: no such job or asset.
	CodeNotFound Code = "NOT_FOUND"
	// CodeAlreadyExists: the id is taken by something else.
	CodeAlreadyExists Code = "ALREADY_EXISTS"
	// CodeFailedPrecondition: something else has to happen first.
	CodeFailedPrecondition Code = "FAILED_PRECONDITION"
	// CodeOutOfRange: an offset lies behind the end.
	CodeOutOfRange Code = "OUT_OF_RANGE"
	// CodeAborted: somebody else was faster; read again, try again.
	CodeAborted Code = "ABORTED"
	// CodeResourceExhausted: no room in the queue, on the disk, in the budget; Error.RetryDelay where waiting helps.
	CodeResourceExhausted Code = "RESOURCE_EXHAUSTED"
	// CodeUnimplemented: this server does not do it.
	CodeUnimplemented Code = "UNIMPLEMENTED"
	// CodeDataLoss: bytes do not agree with their checksum, also after they were asked for again.
	CodeDataLoss Code = "DATA_LOSS"
	// CodeInternal: a bug of the server.
	CodeInternal Code = "INTERNAL"

	// CodeLocalFile: a file on this machine cannot be read or written, or is in the way.
	CodeLocalFile Code = "LOCAL_FILE"
	// CodeJobFailed: the call was fine, the work was not; Error.Job.Failure says why.
	CodeJobFailed Code = "JOB_FAILED"
	// CodeJobCancelled: the job was cancelled before it was done, by this client or by another.
	CodeJobCancelled Code = "JOB_CANCELLED"
)

func (c Code) Error() string { return string(c) }

// Error is everything that can go wrong but the end of the caller's own context, which is returned as it is.
//
// Ask for a kind with errors.Is and a Code, for everything with errors.As.
type Error struct {
	// Code is the kind of failure.
	Code Code
	// Reason says more, for programs: UPPER_SNAKE, such as JOB_NOT_FOUND. It is the code where the server gave none.
	Reason string
	// Message says what was wrong, for people.
	Message string
	// Metadata holds the values that the message names.
	Metadata map[string]string
	// RetryDelay is how long the server asks to wait; nil where it does not say.
	RetryDelay *time.Duration
	// RequestID finds the call in the server's log; empty where no server was involved.
	RequestID string
	// Violations names each wrong field, of CodeInvalidArgument.
	Violations []FieldViolation
	// Job is the job that failed or was cancelled, of CodeJobFailed and CodeJobCancelled. Its Failure has FFmpeg's
	// last words.
	Job *orchestratorv1.Job

	cause error
}

// FieldViolation is one field of a request, such as spec.output.video.quality, and what is wrong with it.
type FieldViolation struct {
	Field       string
	Description string
}

// Error returns the reason and the message. The API key is never part of it.
func (e *Error) Error() string { return e.Reason + ": " + e.Message }

// Unwrap returns the error of gRPC or of the file system, where there was one.
func (e *Error) Unwrap() error { return e.cause }

// Is tells whether the target is this error's Code.
func (e *Error) Is(target error) bool {
	return target == e.Code || target == context.DeadlineExceeded && e.Code == CodeDeadlineExceeded
}

// What gRPC says around the cause of a failed connection.
var connecting = regexp.MustCompile(`^(?:last connection error: )?connection error: desc = "(?:transport: )?(?:[Ee]rror while dialing: )?(.*)"$`)

// errorOf is the one place where a failed call becomes one of our errors. The end of ctx, the caller's own, stays what
// it is.
func (c *Client) errorOf(ctx context.Context, err error, trailer metadata.MD) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.conn.GetState() == connectivity.Shutdown {
		return &Error{Code: CodeFailedPrecondition, Reason: "CLIENT_CLOSED", Message: "The client was closed.", cause: err}
	}
	failed := statusOf(err)
	code := rpccode.Code(failed.Code()).String()
	made := &Error{Code: Code(code), Reason: code, Message: failed.Message(), cause: err}
	if ids := trailer.Get("x-request-id"); len(ids) > 0 {
		made.RequestID = ids[0]
	}
	explained := false
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			made.Reason, made.Metadata, explained = detail.GetReason(), detail.GetMetadata(), true
		case *errdetails.RetryInfo:
			delay := detail.GetRetryDelay().AsDuration()
			made.RetryDelay = &delay
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				made.Violations = append(made.Violations,
					FieldViolation{Field: violation.GetField(), Description: violation.GetDescription()})
			}
		}
	}
	if !explained && (made.Code == CodeUnavailable || made.Code == CodeDeadlineExceeded) {
		// Without ErrorInfo it is gRPC's own word, not the server's: no answer came at all.
		why := strings.TrimRight(connecting.ReplaceAllString(made.Message, "$1"), ".")
		made.Message = fmt.Sprintf("%s does not answer: %s.", c.server, why)
	}
	return made
}

// statusOf is status.Convert without the words that gRPC has put around the status when it gave up its retries.
func statusOf(err error) *status.Status {
	var inner interface{ GRPCStatus() *status.Status }
	if errors.As(err, &inner) {
		return inner.GRPCStatus()
	}
	return status.Convert(err)
}

// succeeded returns the job if it SUCCEEDED, and as an error what else became of it.
func succeeded(job *orchestratorv1.Job) (*orchestratorv1.Job, error) {
	switch failure := job.GetFailure(); job.GetState() {
	case orchestratorv1.Job_STATE_FAILED:
		made := &Error{
			Code: CodeJobFailed, Reason: failure.GetReason(), Message: failure.GetMessage(),
			Metadata: failure.GetMetadata(), Job: job,
		}
		if made.Reason == "" {
			made.Reason = "INTERNAL"
		}
		if made.Message == "" {
			made.Message = job.GetName() + " failed."
		}
		return nil, made
	case orchestratorv1.Job_STATE_CANCELLED:
		return nil, &Error{
			Code: CodeJobCancelled, Reason: "JOB_CANCELLED", Message: job.GetName() + " was cancelled.",
			Metadata: map[string]string{"job": job.GetName()}, Job: job,
		}
	default:
		return job, nil
	}
}

func localFile(reason, path string, cause error, format string, values ...any) *Error {
	return &Error{
		Code: CodeLocalFile, Reason: reason, Message: fmt.Sprintf(format, values...),
		Metadata: map[string]string{"path": path}, cause: cause,
	}
}

// causeOf leaves out the path that our own message names already.
func causeOf(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}
