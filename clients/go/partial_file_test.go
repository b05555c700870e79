package spotreel

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func TestPartialFileSaysWhyItCannotBeWritten(t *testing.T) {
	part, err := openPartialFile(t.Context(), filepath.Join(t.TempDir(), "out.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	part.close() // the next write fails, as it does where the disk is gone
	failure := part.append([]byte("data")).(*Error)
	if failure.Code != CodeLocalFile || failure.Reason != "FILE_UNWRITABLE" || failure.Metadata["path"] != part.path {
		t.Errorf("%+v", failure)
	}
	if part.size != 0 {
		t.Errorf("%d bytes count that were not written", part.size)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		failure := part.failure(&fs.PathError{Op: "write", Path: part.path, Err: errno})
		if failure.Reason != "DISK_FULL" || failure.Message != part.path+" cannot be written: no space is left." {
			t.Errorf("%v: %+v", errno, failure)
		}
	}
}

func TestPartialFileStartsOver(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(target+".part", []byte("of something else"), 0o666); err != nil {
		t.Fatal(err)
	}
	part, err := openPartialFile(t.Context(), target)
	if err != nil || part.size != 17 {
		t.Fatal(part, err)
	}
	for _, err := range []error{part.restart(), part.append([]byte("new")), part.finish(false)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if content, err := os.ReadFile(target); string(content) != "new" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
}

func TestPartialFileIsWrittenByOne(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out.mp4")
	first, err := openPartialFile(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openPartialFile(t.Context(), target)
	assertReason(t, err, "FILE_IN_USE")
	if want := target + ".part is being written by another download."; err.(*Error).Message != want {
		t.Errorf("got %q, want %q", err.(*Error).Message, want)
	}
	assertReason(t, checkTarget(target, false), "FILE_IN_USE")
	for _, err := range []error{first.append([]byte("whole")), first.finish(false)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	next, err := openPartialFile(t.Context(), target) // the lock has gone with the first
	if err != nil {
		t.Fatal(err)
	}
	next.discard()
}

// TestPartialFileOpensWhatHasTheName has many come and go, of which each ends with another file under the name.
func TestPartialFileOpensWhatHasTheName(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out.mp4")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				part, err := openPartialFile(t.Context(), target)
				if err != nil {
					assertReason(t, err, "FILE_IN_USE")
					continue
				}
				if !part.hasItsName() {
					t.Error("it is no longer what has the name")
				}
				part.discard()
			}
		})
	}
	group.Wait()
}

func TestPartialFileDoesNotFinishWhatOthersHaveChanged(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"longer": func(path string) error { return os.WriteFile(path, []byte("something else"), 0o666) },
		"replaced": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("whole"), 0o666))
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "out.mp4")
			part, err := openPartialFile(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(part.append([]byte("whole")), change(part.path)); err != nil {
				t.Fatal(err)
			}
			assertReason(t, part.finish(false), "FILE_CHANGED")
			if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
				t.Error("it has its name")
			}
			if name == "replaced" {
				part.discard()
				if _, err := os.Stat(part.path); err != nil {
					t.Error("what is not ours was removed")
				}
			}
			part.close()
		})
	}
}

func TestPartialFileIsNoPipe(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out.mp4")
	pipe(t, target+".part")
	_, err := openPartialFile(t.Context(), target)
	assertReason(t, err, "FILE_UNWRITABLE")
	// With the pipe as the target it would be replaced.
	assertReason(t, checkTarget(target+".part", true), "FILE_IS_SPECIAL")
}

// pipe makes a named pipe; nobody ever writes to it.
func pipe(t *testing.T, path string) {
	t.Helper()
	if output, err := exec.Command("mkfifo", path).CombinedOutput(); err != nil {
		t.Skipf("no pipe could be made: %s", output)
	}
}

func assertReason(t *testing.T, err error, reason string) {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) || failure.Code != CodeLocalFile || failure.Reason != reason {
		t.Errorf("got %v, want %s", err, reason)
	}
}
