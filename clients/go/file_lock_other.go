//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package spotreel

import "os"

// openLock opens a file, or makes it. There are no locks that end with their process here.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
}
