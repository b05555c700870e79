package spotreel_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc/codes"
)

// spoilOnce does something to the chunk at an offset, in the first call only.
func (s *server) spoilOnce(offset int64, spoil func(*orchestratorv1.ReadJobOutputResponse) error) {
	s.read = func(call int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, func(chunk *orchestratorv1.ReadJobOutputResponse) error {
			if call > 1 || chunk.GetOffset() != offset {
				return nil
			}
			return spoil(chunk)
		})
	}
}

func refused(code codes.Code, reason string) func(*orchestratorv1.ReadJobOutputResponse) error {
	return func(*orchestratorv1.ReadJobOutputResponse) error { return refusal(code, reason) }
}

func assertFile(t *testing.T, path string, content []byte) {
	t.Helper()
	found, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(found, content) {
		t.Errorf("%s is not what it should be: %d bytes, %v", path, len(found), err)
	}
}

func assertMissing(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there", path)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestDownloadGoesOn: whatever happens to the chunk at 3000, the next call asks for what is missing.
func TestDownloadGoesOn(t *testing.T) {
	for name, test := range map[string]struct {
		spoil   func(*orchestratorv1.ReadJobOutputResponse) error
		offsets []int64
	}{
		"unavailable":    {refused(codes.Unavailable, "SHUTTING_DOWN"), []int64{0, 3000}},
		"damaged":        {func(c *orchestratorv1.ReadJobOutputResponse) error { c.Data[7] ^= 1; return nil }, []int64{0, 3000}},
		"misplaced":      {func(c *orchestratorv1.ReadJobOutputResponse) error { c.Offset++; return nil }, []int64{0, 3000}},
		"made anew":      {refused(codes.Aborted, "OUTPUT_RESTARTED"), []int64{0, 0}},
		"shorter by now": {refused(codes.OutOfRange, "OFFSET_BEYOND_END"), []int64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
			s.spoilOnce(3000, test.spoil)
			if err := s.dial(t).DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.readOffsets(), test.offsets) {
				t.Errorf("read from %v, want %v", s.readOffsets(), test.offsets)
			}
			assertFile(t, to, s.output)
			assertMissing(t, to+".part")
		})
	}
}

func TestASilentDownloadIsTakenUpAgain(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.read = func(call int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, func(chunk *orchestratorv1.ReadJobOutputResponse) error {
			if call == 1 && chunk.GetOffset() == 2000 {
				<-stream.Context().Done()
			}
			return nil
		})
	}
	client := s.dial(t, spotreel.WithHeartbeat(50*time.Millisecond))
	if err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 2000}; !slices.Equal(s.readOffsets(), want) {
		t.Errorf("read from %v, want %v", s.readOffsets(), want)
	}
}

func TestAChunkThatStaysBadIsNotAskedForForEver(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.read = func(_ int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, func(chunk *orchestratorv1.ReadJobOutputResponse) error {
			if chunk.GetOffset() == 1000 {
				chunk.Crc32C++
			}
			return nil
		})
	}
	err := s.dial(t, spotreel.WithPatience(time.Minute)).DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
	errorOf(t, err, spotreel.CodeDataLoss, "CHUNK_CORRUPTED")
	if want := []int64{0, 1000, 1000, 1000, 1000}; !slices.Equal(s.readOffsets(), want) {
		t.Errorf("read from %v, want %v", s.readOffsets(), want)
	}
	assertMissing(t, to)
	assertMissing(t, to+".part")
}

func TestAnOutputThatIsMadeAnewForEverIsGivenUp(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.read = func(int, *orchestratorv1.ReadJobOutputRequest, outputStream) error {
		return refusal(codes.Aborted, "OUTPUT_RESTARTED")
	}
	err := s.dial(t).DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
	errorOf(t, err, spotreel.CodeAborted, "OUTPUT_RESTARTED")
	if len(s.readOffsets()) != 10 {
		t.Errorf("read %d times", len(s.readOffsets()))
	}
	assertMissing(t, to+".part")
}

func TestAWholeThatIsWrongIsNeverGivenTheName(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.read = func(_ int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, func(chunk *orchestratorv1.ReadJobOutputResponse) error {
			if chunk.GetLast() {
				chunk.Sha256 = make([]byte, 32)
			}
			return nil
		})
	}
	client := s.dial(t)
	err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
	errorOf(t, err, spotreel.CodeDataLoss, "OUTPUT_CORRUPTED")
	assertMissing(t, to)
	assertMissing(t, to+".part")

	_, err = io.ReadAll(client.ReadOutput(t.Context(), jobName, 0))
	errorOf(t, err, spotreel.CodeDataLoss, "OUTPUT_CORRUPTED")

	// What lay there is suspected first, and once.
	write(t, to+".part", s.output[:1234])
	err = client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
	errorOf(t, err, spotreel.CodeDataLoss, "OUTPUT_CORRUPTED")
	if want := []int64{0, 0, 1234, 0}; !slices.Equal(s.readOffsets(), want) {
		t.Errorf("read from %v, want %v", s.readOffsets(), want)
	}
}

func TestADownloadThatFailedIsTakenUpByTheNext(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.read = func(_ int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, func(chunk *orchestratorv1.ReadJobOutputResponse) error {
			if chunk.GetOffset() == 5000 {
				return refusal(codes.Unavailable, "SHUTTING_DOWN")
			}
			return nil
		})
	}
	client := s.dial(t, spotreel.WithPatience(0))
	err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
	errorOf(t, err, spotreel.CodeUnavailable, "SHUTTING_DOWN")
	assertMissing(t, to)
	assertFile(t, to+".part", s.output[:5000])

	s.read = func(_ int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, nil)
	}
	var seen []int64
	err = client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{
		OnProgress: func(progress spotreel.Progress) { seen = append(seen, progress.BytesDone) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 5000}; !slices.Equal(s.readOffsets(), want) {
		t.Errorf("read from %v, want %v", s.readOffsets(), want)
	}
	if seen[0] != 6000 || seen[len(seen)-1] != int64(len(s.output)) {
		t.Error(seen)
	}
	assertFile(t, to, s.output)
	assertMissing(t, to+".part")
}

func TestWhatLayThereOfSomethingElseIsThrownAway(t *testing.T) {
	for name, left := range map[string][]byte{
		"shorter": bytes.Repeat([]byte("x"), 1234), "longer": bytes.Repeat([]byte("x"), 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
			write(t, to+".part", left)
			if err := s.dial(t).DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{}); err != nil {
				t.Fatal(err)
			}
			if want := []int64{int64(len(left)), 0}; !slices.Equal(s.readOffsets(), want) {
				t.Errorf("read from %v, want %v", s.readOffsets(), want)
			}
			assertFile(t, to, s.output)
		})
	}
}

func TestNothingStaysOfADownloadThatWasCalledOff(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	ctx, cancel := context.WithCancel(t.Context())
	err := s.dial(t).DownloadOutput(ctx, jobName, to, spotreel.DownloadOptions{
		OnProgress: func(spotreel.Progress) { cancel() },
	})
	if err != context.Canceled {
		t.Error(err)
	}
	assertMissing(t, to)
	assertMissing(t, to+".part")
}

func TestTwoDownloadsDoNotWriteOneFile(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	client := s.dial(t)
	tried := false
	err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{
		OnProgress: func(spotreel.Progress) {
			if tried {
				return
			}
			tried = true
			err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
			if failure := errorOf(t, err, spotreel.CodeLocalFile, "FILE_IN_USE"); failure.Metadata["path"] != to+".part" {
				t.Error(failure.Metadata)
			}
		},
	})
	if err != nil || !tried {
		t.Fatal(tried, err)
	}
	assertFile(t, to, s.output)
	if s.calls("ReadJobOutput") != 1 {
		t.Error("the second has asked the server")
	}
}

func TestATargetThatAppearsMeanwhileIsNotReplaced(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	appear := func(spotreel.Progress) { write(t, to, []byte("somebody else's")) }
	client := s.dial(t)
	err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{OnProgress: appear})
	errorOf(t, err, spotreel.CodeLocalFile, "FILE_EXISTS")
	assertFile(t, to, []byte("somebody else's"))
	assertFile(t, to+".part", s.output)
	options := spotreel.DownloadOptions{OnProgress: appear, Overwrite: true}
	if err := client.DownloadOutput(t.Context(), jobName, to, options); err != nil {
		t.Fatal(err)
	}
	assertFile(t, to, s.output)
}

// TestWhatWasThereBeforeStays: a call that fails throws away only what it has begun.
func TestWhatWasThereBeforeStays(t *testing.T) {
	calledOff, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx   context.Context
		spoil func(*orchestratorv1.ReadJobOutputResponse) error
	}{
		"unknown job":          {t.Context(), refused(codes.NotFound, "JOB_NOT_FOUND")},
		"wrong key":            {t.Context(), refused(codes.Unauthenticated, "API_KEY_WRONG")},
		"called off before":    {calledOff, nil},
		"called off meanwhile": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
			if test.spoil != nil {
				s.spoilOnce(2000, test.spoil)
			}
			ctx, cancel := test.ctx, context.CancelFunc(func() {})
			if ctx == nil {
				ctx, cancel = context.WithCancel(t.Context())
			}
			options := spotreel.DownloadOptions{OnProgress: func(spotreel.Progress) { cancel() }}
			client := s.dial(t)
			write(t, to+".part", s.output[:2000])
			if err := client.DownloadOutput(ctx, jobName, to, options); err == nil {
				t.Fatal("it did not fail")
			}
			found, err := os.ReadFile(to + ".part")
			if err != nil || len(found) < 2000 || !bytes.HasPrefix(s.output, found) {
				t.Errorf("%d bytes, %v", len(found), err)
			}
		})
	}
}

func TestADownloadInBoundedAttemptsComesToItsEnd(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.read = func(_ int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, func(chunk *orchestratorv1.ReadJobOutputResponse) error {
			if chunk.GetOffset() == request.GetReadOffset()+6000 {
				<-stream.Context().Done()
			}
			return nil
		})
	}
	client := s.dial(t)
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := client.DownloadOutput(ctx, jobName, to, spotreel.DownloadOptions{})
		cancel()
		if err == nil {
			break
		}
		if err != context.DeadlineExceeded || attempt > 10 {
			t.Fatal(attempt, err)
		}
	}
	if want := []int64{0, 6000, 12000}; !slices.Equal(s.readOffsets(), want) {
		t.Errorf("read from %v, want %v", s.readOffsets(), want)
	}
	assertFile(t, to, s.output)
}

func TestNothingStaysWhereThatIsWanted(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	s.spoilOnce(1000, refused(codes.Unavailable, "SHUTTING_DOWN"))
	client := s.dial(t, spotreel.WithPatience(0))
	err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{DiscardPartial: true})
	errorOf(t, err, spotreel.CodeUnavailable, "SHUTTING_DOWN")
	assertMissing(t, to+".part")
}

func TestDownloadRefusesATargetThatIsInTheWay(t *testing.T) {
	s, folder := serve(t), t.TempDir()
	there := filepath.Join(folder, "there.mp4")
	write(t, there, []byte("old"))
	client := s.dial(t)
	for to, reason := range map[string]string{
		there: "FILE_EXISTS", folder: "FILE_IS_DIRECTORY", filepath.Join(folder, "no", "out.mp4"): "DIRECTORY_MISSING",
		filepath.Join(folder, strings.Repeat("long", 63)): "FILE_UNWRITABLE", // the name of its .part is too long
	} {
		err := client.DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
		if failure := errorOf(t, err, spotreel.CodeLocalFile, reason); !strings.HasPrefix(failure.Metadata["path"], to) {
			t.Error(failure.Metadata)
		}
		_, err = client.Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: to})
		errorOf(t, err, spotreel.CodeLocalFile, reason)
		_, err = client.Caption(t.Context(), "https://example.com/a.mp4", "https://example.com/a.srt", spotreel.RunOptions{To: to})
		errorOf(t, err, spotreel.CodeLocalFile, reason)
	}
	if len(s.called) != 0 {
		t.Errorf("the server was asked: %v", s.called)
	}
	// The check of what cannot be written leaves nothing behind.
	if found, err := os.ReadDir(folder); err != nil || len(found) != 1 {
		t.Error(found, err)
	}
	errorOf(t, client.DownloadOutput(t.Context(), jobName, "", spotreel.DownloadOptions{}), spotreel.CodeLocalFile, "FILE_NAME_MISSING")
	assertFile(t, there, []byte("old"))
	if err := client.DownloadOutput(t.Context(), jobName, there, spotreel.DownloadOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	assertFile(t, there, s.output)
}

func TestAPartThatCannotBeWrittenIsSaidAndLeftAlone(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	if err := os.Mkdir(to+".part", 0o777); err != nil {
		t.Fatal(err)
	}
	err := s.dial(t).DownloadOutput(t.Context(), jobName, to, spotreel.DownloadOptions{})
	errorOf(t, err, spotreel.CodeLocalFile, "FILE_UNWRITABLE")
	_, err = s.dial(t).Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: to})
	errorOf(t, err, spotreel.CodeLocalFile, "FILE_UNWRITABLE")
	if len(s.called) != 0 {
		t.Errorf("the server was asked: %v", s.called)
	}
	if _, err := os.Stat(to + ".part"); err != nil {
		t.Error(err)
	}
}

func TestReadOutput(t *testing.T) {
	s := serve(t)
	s.spoilOnce(3500, refused(codes.Unavailable, "SHUTTING_DOWN"))
	reader := s.dial(t).ReadOutput(t.Context(), jobName, 500)
	content, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(content, s.output[500:]) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if want := []int64{500, 3500}; !slices.Equal(s.readOffsets(), want) {
		t.Error(s.readOffsets())
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	if n, err := reader.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
}

func TestAReaderThatIsClosedEarlyReadsNoMore(t *testing.T) {
	reader := serve(t).dial(t).ReadOutput(t.Context(), jobName, 0)
	if _, err := reader.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	if _, err := io.ReadAll(reader); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestReadOutputDoesNotHideThatTheOutputIsMadeAnew(t *testing.T) {
	s := serve(t)
	s.spoilOnce(3000, refused(codes.Aborted, "OUTPUT_RESTARTED"))
	content, err := io.ReadAll(s.dial(t).ReadOutput(t.Context(), jobName, 0))
	errorOf(t, err, spotreel.CodeAborted, "OUTPUT_RESTARTED")
	if !bytes.Equal(content, s.output[:3000]) {
		t.Errorf("%d bytes", len(content))
	}
}
