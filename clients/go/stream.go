package spotreel

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

const (
	defaultHeartbeat = 10 * time.Second
	// Three misses in a row mean that nobody is there.
	missedHeartbeats = 3
	// A server that has never answered is more likely a wrong address than away, and people should hear of it soon.
	strangerPatience = 5 * time.Second
)

var errSilent = errors.New("the other side is silent")

// resumingStream reads one logical stream of messages M over as many calls as it takes.
//
// start makes a call that goes on behind everything that accept has taken. accept returns an error where a message is
// bad; the call is then dropped and, where the error is transient, another one made.
type resumingStream[M any] struct {
	client *Client
	start  func(context.Context) (grpc.ServerStreamingClient[M], error)
	accept func(*M) error

	ctx     context.Context // the caller's
	call    grpc.ServerStreamingClient[M]
	callCtx context.Context // of the call that is open, if any
	endCall context.CancelCauseFunc
}

// read returns the next message; the caller knows from that when to stop, and drops the stream.
func (s *resumingStream[M]) read() (*M, error) {
	patience := s.client.patience
	if !s.client.answered.Load() {
		patience = min(patience, strangerPatience)
	}
	var message *M
	err := persist(s.ctx, patience, func() (err error) {
		message, err = s.readOnce()
		return err
	})
	if err != nil {
		return nil, err
	}
	s.client.answered.Store(true)
	return message, nil
}

// drop ends the call that is open; the next read makes another.
func (s *resumingStream[M]) drop() {
	if s.endCall != nil {
		s.endCall(nil)
		s.call, s.endCall = nil, nil
	}
}

func (s *resumingStream[M]) readOnce() (*M, error) {
	message, err := s.receive()
	if err == nil {
		err = s.accept(message)
	}
	if err != nil {
		s.drop()
		return nil, err
	}
	return message, nil
}

func (s *resumingStream[M]) receive() (message *M, err error) {
	if s.ctx.Err() != nil {
		return nil, s.ctx.Err() // gRPC may go on to hand out what has come before
	}
	if s.endCall == nil {
		s.callCtx, s.endCall = context.WithCancelCause(s.ctx)
	}
	endCall := s.endCall
	silence := time.AfterFunc(s.client.silence, func() { endCall(errSilent) })
	defer silence.Stop()
	if s.call == nil {
		// It blocks while a connection is made, so the silence counts from here.
		if s.call, err = s.start(s.callCtx); err != nil {
			return nil, s.failure(err, nil)
		}
	}
	if message, err = s.call.Recv(); err != nil {
		return nil, s.failure(err, s.call.Trailer())
	}
	return message, nil
}

func (s *resumingStream[M]) failure(err error, trailer metadata.MD) error {
	switch {
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case context.Cause(s.callCtx) == errSilent:
		return brokenStream("STREAM_SILENT", "%s has been silent for %s.", s.client.server, s.client.silence)
	case err == io.EOF:
		return brokenStream("STREAM_CUT", "%s ended the stream early.", s.client.server)
	default:
		return s.client.errorOf(s.ctx, err, trailer)
	}
}
