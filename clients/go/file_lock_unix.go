//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package spotreel

import (
	"errors"
	"os"
	"syscall"
)

// openLock opens a file, or makes it, and takes the lock on it, at once or not at all (errInUse). The lock is held
// until the file is closed, and ends with its process.
func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		// A lock belongs to what was opened, not to the process, so it keeps other goroutines out as well.
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		file.Close()
		return nil, errInUse
	}
	return file, nil // on a file system without locks, without one
}
