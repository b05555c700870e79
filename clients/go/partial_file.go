package spotreel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

var (
	errInUse  = errors.New("it is locked")
	errNoFile = errors.New("it is no file")
)

// partialFile is a file that grows beside its target and takes its place when it is whole: <target>.part, with the
// SHA-256 of what it holds. Nobody else writes it meanwhile. All errors are of CodeLocalFile (DISK_FULL, FILE_IN_USE,
// FILE_UNWRITABLE), or the context's.
type partialFile struct {
	target, path string
	size         int64
	digest       hash.Hash
	found        bool // it holds what was there before
	file         *os.File
	lock         *os.File // the same file once more: the lock outlives the closing of what was written
}

// newPartialFile makes one that is not open. What a link points to is what is written.
func newPartialFile(target string) *partialFile {
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real
	}
	return &partialFile{target: target, path: target + ".part", digest: sha256.New()}
}

// openPartialFile takes up what an earlier download has left, and reads it.
func openPartialFile(ctx context.Context, target string) (*partialFile, error) {
	p := newPartialFile(target)
	if err := p.open(); err != nil {
		return nil, p.failure(err)
	}
	var err error
	if p.size, err = io.Copy(p.digest, contextReader{ctx, p.file}); err == nil {
		return p, nil
	}
	if p.found {
		p.close()
	} else {
		p.discard()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, p.failure(err)
}

// checkTarget refuses, before there is anything to write, what could not be written; it leaves nothing behind.
func checkTarget(target string, overwrite bool) error {
	if err := checkFree(target, overwrite); err != nil {
		return err
	}
	p := newPartialFile(target)
	if err := p.open(); err != nil {
		return p.failure(err)
	}
	if p.found {
		p.close()
	} else {
		p.discard()
	}
	return nil
}

// checkFree refuses what is in the way of a target.
func checkFree(target string, overwrite bool) error {
	if target == "" {
		return localFile("FILE_NAME_MISSING", target, nil, "The file to write has no name.")
	}
	if found, err := os.Stat(target); err == nil && found.IsDir() {
		return localFile("FILE_IS_DIRECTORY", target, nil, "%s is a directory; name a file in it.", target)
	} else if err == nil && !found.Mode().IsRegular() {
		return localFile("FILE_IS_SPECIAL", target, nil, "%s is no regular file; choose another name.", target)
	} else if err == nil && !overwrite {
		return localFile("FILE_EXISTS", target, os.ErrExist,
			"%s exists already; choose another name, or allow it to be overwritten.", target)
	}
	folder := filepath.Dir(target)
	if found, err := os.Stat(folder); err != nil || !found.IsDir() {
		return localFile("DIRECTORY_MISSING", target, err, "%s cannot be written: there is no directory %s.", target, folder)
	}
	return nil
}

// open returns with the lock on the file that has the name: the one that was opened first may have lost it before the
// lock was taken, to a download that came to its end.
func (p *partialFile) open() error {
	if found, err := os.Stat(p.path); err == nil && !found.Mode().IsRegular() {
		return errNoFile // opening a pipe could take for ever
	}
	for {
		var err error
		if p.lock, err = openLock(p.path); err != nil {
			return err
		}
		p.file, err = os.OpenFile(p.path, os.O_RDWR|os.O_APPEND, 0)
		if err == nil && p.hasItsName() {
			found, err := p.file.Stat()
			if err != nil {
				p.close()
				return err
			}
			p.found = found.Size() > 0
			return nil
		}
		p.close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// hasItsName tells whether the name still is that of the file which is locked.
func (p *partialFile) hasItsName() bool {
	locked, err := p.lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(p.path)
	return err == nil && os.SameFile(locked, named)
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
	p.found = false
	return nil
}

// finish puts the file in its target's place, at once. Where it fails, the file is still there.
func (p *partialFile) finish(overwrite bool) error {
	// Some file systems say only now that they could not write.
	if err := p.file.Close(); err != nil {
		return p.failure(err)
	}
	// What was verified is what was received; a program that knows of no locks may have been here as well.
	written, err := p.lock.Stat()
	if err != nil {
		return p.failure(err)
	}
	if written.Size() != p.size || !p.hasItsName() {
		return localFile("FILE_CHANGED", p.path, nil, "%s was changed by another program while it was written.", p.path)
	}
	if err := checkFree(p.target, overwrite); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		p.lock.Close() // it does not rename what is open, and this is no lock there
	}
	if err := os.Rename(p.path, p.target); err != nil {
		return p.failure(err)
	}
	p.lock.Close()
	return nil
}

// close leaves the file where it is, for the next download.
func (p *partialFile) close() {
	p.file.Close()
	p.lock.Close()
}

// discard removes the file; it never hides why.
func (p *partialFile) discard() {
	p.file.Close()
	ours := p.hasItsName()
	if runtime.GOOS == "windows" {
		p.lock.Close() // as in finish
	}
	if ours {
		os.Remove(p.path)
	}
	p.lock.Close()
}

func (p *partialFile) failure(err error) *Error {
	switch {
	case err == errInUse:
		return localFile("FILE_IN_USE", p.path, nil, "%s is being written by another download.", p.path)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG):
		return localFile("DISK_FULL", p.path, err, "%s cannot be written: no space is left.", p.path)
	default:
		return localFile("FILE_UNWRITABLE", p.path, err, "%s cannot be written: %s.", p.path, causeOf(err))
	}
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
