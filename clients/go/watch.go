package spotreel

import (
	"context"
	"iter"

	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc"
)

// IsFinal tells whether nothing more will become of a job. States of a newer server are not final.
func IsFinal(job *orchestratorv1.Job) bool {
	switch job.GetState() {
	case orchestratorv1.Job_STATE_SUCCEEDED, orchestratorv1.Job_STATE_FAILED, orchestratorv1.Job_STATE_CANCELLED:
		return true
	default:
		return false
	}
}

// WatchJob yields the job as it is and with each change, until it is final; it goes on over breaks of the connection.
// After an error it ends.
func (c *Client) WatchJob(ctx context.Context, name string) iter.Seq2[*orchestratorv1.Job, error] {
	return func(yield func(*orchestratorv1.Job, error) bool) {
		var sequence int64
		stream := &resumingStream[orchestratorv1.WatchJobResponse]{
			client: c,
			ctx:    ctx,
			start: func(ctx context.Context) (grpc.ServerStreamingClient[orchestratorv1.WatchJobResponse], error) {
				return c.jobs.WatchJob(ctx, &orchestratorv1.WatchJobRequest{Name: name, AfterSequence: sequence})
			},
			// The whole job comes each time, so nothing can be missing.
			accept: func(*orchestratorv1.WatchJobResponse) error { return nil },
		}
		defer stream.drop()
		for {
			message, err := stream.read()
			if err != nil {
				yield(nil, err)
				return
			}
			final := IsFinal(message.GetJob())
			// A heartbeat repeats the sequence.
			if message.GetSequence() != sequence || final {
				sequence = message.GetSequence()
				if !yield(message.GetJob(), nil) {
					return
				}
			}
			if final {
				return
			}
		}
	}
}

// WaitJob waits until a job is final and returns it, whatever became of it.
func (c *Client) WaitJob(ctx context.Context, name string, onProgress OnProgress) (*orchestratorv1.Job, error) {
	var last *orchestratorv1.Job
	for job, err := range c.WatchJob(ctx, name) {
		if err != nil {
			return nil, err
		}
		onProgress.tell(progressOf(job))
		last = job
	}
	return last, nil
}
