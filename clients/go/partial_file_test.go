package spotreel

import (
	"io/fs"
	"os"
	"path/filepath"
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
	for _, err := range []error{part.restart(), part.append([]byte("new")), part.finish()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if content, err := os.ReadFile(target); string(content) != "new" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
}
