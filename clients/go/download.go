package spotreel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"

	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc"
)

const (
	// A job has at most 10 attempts; each may make its output anew.
	mostRestarts = 10
	// A chunk that is bad this often in a row was not damaged on the way.
	mostBadChunks = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// DownloadOptions is what DownloadOutput takes beside the names.
type DownloadOptions struct {
	// Overwrite allows a file to be replaced.
	Overwrite bool
	// DiscardPartial removes <to>.part after every failure, also where a later download could go on from it.
	DiscardPartial bool
	OnProgress     OnProgress
}

// DownloadOutput writes the output of the job called jobs/… to a file, which appears, or is replaced, at once when all
// of it has come and was verified.
//
// Until then it grows in <to>.part. That file stays where going on later makes sense (the server went away, the disk
// is full, the deadline of ctx has passed) and is taken up by the next download; in all other cases it is removed. One
// that was there before stays, unless it is found to be the beginning of something else.
//
// It fails with CodeLocalFile before anything starts where the file exists (FILE_EXISTS) unless it may be overwritten,
// is a directory (FILE_IS_DIRECTORY) or a device or the like (FILE_IS_SPECIAL), has no directory to be in
// (DIRECTORY_MISSING), has no name (FILE_NAME_MISSING), is being written by another download (FILE_IN_USE) or cannot be
// written (FILE_UNWRITABLE).
func (c *Client) DownloadOutput(ctx context.Context, name, to string, options DownloadOptions) error {
	if err := checkFree(to, options.Overwrite); err != nil {
		return err
	}
	part, err := openPartialFile(ctx, to)
	if err != nil {
		return err
	}
	err = c.receiveOutput(ctx, name, part, options.OnProgress.bytesMoved(StepDownloading, to))
	if err == nil {
		err = part.finish(options.Overwrite)
	}
	// The caller's own deadline bounds one attempt of, perhaps, many; calling off ends them all.
	resumable := isUnavailable(err) || errors.Is(err, CodeLocalFile) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case err == nil:
		return nil
	case (part.found || resumable && part.size > 0) && !options.DiscardPartial:
		part.close()
	default:
		part.discard()
	}
	return err
}

func (c *Client) receiveOutput(ctx context.Context, name string, part *partialFile, onBytes func(done, total int64)) error {
	output := newOutputStream(ctx, c, name, part.size)
	defer output.drop()
	for range mostRestarts {
		last, err := output.fill(part, onBytes)
		switch {
		case errors.Is(err, CodeAborted) || errors.Is(err, CodeOutOfRange):
		case err != nil:
			return err
		case part.holds(last.GetSizeBytes(), last.GetSha256()):
			return nil
		case !part.found:
			return corrupted(name)
		}
		// What lay there may have been the beginning of something else.
		output.rewind()
		if err := part.restart(); err != nil {
			return err
		}
	}
	return &Error{
		Code: CodeAborted, Reason: "OUTPUT_RESTARTED",
		Message: fmt.Sprintf("The output of %s was made anew %d times while it was read.", name, mostRestarts),
	}
}

// ReadOutput reads the output of the job called jobs/… from an offset on. Close the reader.
//
// On a job with DELIVERY_PROGRESSIVE it may be called while the job runs, and follows the output as it grows.
func (c *Client) ReadOutput(ctx context.Context, name string, offset int64) *OutputReader {
	return &OutputReader{output: newOutputStream(ctx, c, name, offset), whole: offset == 0, digest: sha256.New()}
}

// OutputReader reads an output, on over breaks of the connection. What was read is final only when io.EOF comes.
type OutputReader struct {
	output *outputStream
	whole  bool
	digest hash.Hash
	rest   []byte
	err    error
}

// Read fails with CodeAborted (OUTPUT_RESTARTED) where another attempt makes the output anew, and with CodeDataLoss
// (OUTPUT_CORRUPTED) where the whole does not agree with its size or, read from 0, with its SHA-256.
func (r *OutputReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.rest, r.err = r.next()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close ends the call that is open.
func (r *OutputReader) Close() error {
	r.output.drop()
	if r.err == nil {
		r.err = os.ErrClosed
	}
	return nil
}

// next returns bytes, and with the last of them what there is to say about the whole.
func (r *OutputReader) next() ([]byte, error) {
	message, err := r.output.read()
	if err != nil {
		return nil, err
	}
	r.digest.Write(message.GetData())
	if !message.GetLast() {
		return message.GetData(), nil
	}
	sameSize := r.output.offset == message.GetSizeBytes()
	if !sameSize || r.whole && !bytes.Equal(r.digest.Sum(nil), message.GetSha256()) {
		return message.GetData(), corrupted(r.output.name)
	}
	return message.GetData(), io.EOF
}

// outputStream reads one job's output, chunk by chunk, each checked against its offset and CRC32C. The data of a chunk
// stays until the one after the next is read.
type outputStream struct {
	resumingStream[orchestratorv1.ReadJobOutputResponse]
	name      string
	codec     *chunkCodec
	offset    int64 // of the next byte
	attempt   int32 // that made the bytes so far; 0: any will do
	badChunks int   // in a row
}

func newOutputStream(ctx context.Context, c *Client, name string, offset int64) *outputStream {
	output := &outputStream{name: name, codec: newChunkCodec(), offset: offset}
	output.resumingStream = resumingStream[orchestratorv1.ReadJobOutputResponse]{
		client: c, ctx: ctx, start: output.open, accept: output.check,
	}
	return output
}

func (o *outputStream) open(ctx context.Context) (grpc.ServerStreamingClient[orchestratorv1.ReadJobOutputResponse], error) {
	return o.client.jobs.ReadJobOutput(ctx, &orchestratorv1.ReadJobOutputRequest{
		Name: o.name, ReadOffset: o.offset, Attempt: o.attempt,
	}, grpc.ForceCodecV2(o.codec))
}

func (o *outputStream) check(message *orchestratorv1.ReadJobOutputResponse) error {
	if data := message.GetData(); len(data) > 0 {
		if message.GetOffset() != o.offset || crc32.Checksum(data, castagnoli) != message.GetCrc32C() {
			return o.badChunk()
		}
		o.codec.keep()
		o.badChunks = 0
		o.offset += int64(len(data))
	}
	if message.GetAttempt() != 0 {
		o.attempt = message.GetAttempt()
	}
	return nil
}

func (o *outputStream) badChunk() error {
	o.badChunks++
	bad := brokenStream("CHUNK_CORRUPTED",
		"The chunk of %s at byte %d does not agree with its checksum or its place, %d times in a row.",
		o.name, o.offset, o.badChunks)
	if o.badChunks > mostBadChunks {
		bad.Code = CodeDataLoss
	}
	return bad
}

// rewind takes whatever attempt there is, from the start.
func (o *outputStream) rewind() {
	o.drop()
	o.offset, o.attempt = 0, 0
}

// fill writes each chunk while the next one is on its way, up to the last, which it returns. The file holds all that
// came when it returns.
func (o *outputStream) fill(part *partialFile, onBytes func(done, total int64)) (*orchestratorv1.ReadJobOutputResponse, error) {
	written := make(chan error, 1) // what became of the write before
	written <- nil
	for {
		message, err := o.read()
		if writeErr := <-written; writeErr != nil {
			return nil, writeErr
		}
		if err != nil {
			return nil, err
		}
		received := part.size + int64(len(message.GetData()))
		go func() { written <- part.append(message.GetData()) }()
		if message.GetLast() {
			if err := <-written; err != nil {
				return nil, err
			}
		}
		onBytes(received, message.GetSizeBytes())
		if message.GetLast() {
			return message, nil
		}
	}
}

func corrupted(name string) *Error {
	return &Error{
		Code: CodeDataLoss, Reason: "OUTPUT_CORRUPTED",
		Message:  fmt.Sprintf("The output of %s does not agree with its size or SHA-256.", name),
		Metadata: map[string]string{"job": name},
	}
}
