package spotreel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"syscall"
)

// partialFile is a file that grows beside its target and takes its place when it is whole: <target>.part, with the
// SHA-256 of what it holds. All errors are of CodeLocalFile (DISK_FULL, FILE_UNWRITABLE), or the context's.
type partialFile struct {
	target, path string
	size         int64
	digest       hash.Hash
	file         *os.File
}

// openPartialFile takes up what an earlier download has left, and reads it.
func openPartialFile(ctx context.Context, target string) (*partialFile, error) {
	p := &partialFile{target: target, path: target + ".part", digest: sha256.New()}
	var err error
	if p.file, err = os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		return nil, p.failure(err)
	}
	if p.size, err = io.Copy(p.digest, contextReader{ctx, p.file}); err != nil {
		if ctx.Err() != nil {
			p.discard()
			return nil, ctx.Err()
		}
		p.close()
		return nil, p.failure(err)
	}
	return p, nil
}

// append adds bytes at the end.
func (p *partialFile) append(data []byte) error {
	if _, err := p.file.Write(data); err != nil {
		return p.failure(err)
	}
	p.digest.Write(data)
	p.size += int64(len(data))
	return nil
}

// holds tells whether the file is what the end of an output says.
func (p *partialFile) holds(size int64, digest []byte) bool {
	return p.size == size && bytes.Equal(p.digest.Sum(nil), digest)
}

// restart throws away what is there.
func (p *partialFile) restart() error {
	if err := p.file.Truncate(0); err != nil {
		return p.failure(err)
	}
	p.digest.Reset()
	p.size = 0
	return nil
}

// finish puts the file in its target's place, at once.
func (p *partialFile) finish() error {
	if err := p.file.Close(); err != nil {
		return p.failure(err)
	}
	if err := os.Rename(p.path, p.target); err != nil {
		return p.failure(err)
	}
	return nil
}

// close leaves the file where it is, for the next download.
func (p *partialFile) close() { p.file.Close() }

// discard removes the file; it never hides why.
func (p *partialFile) discard() {
	p.file.Close()
	os.Remove(p.path)
}

func (p *partialFile) failure(err error) *Error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return localFile("DISK_FULL", p.path, err, "%s cannot be written: no space is left.", p.path)
	}
	return localFile("FILE_UNWRITABLE", p.path, err, "%s cannot be written: %s.", p.path, causeOf(err))
}

// contextReader ends with its context, so that reading a large file can be called off.
type contextReader struct {
	ctx    context.Context
	reader io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.reader.Read(p)
}
