package spotreel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc/codes"
)

// videoFile writes a file of three chunks and a bit.
func videoFile(t *testing.T) (path string, content []byte) {
	t.Helper()
	path, content = filepath.Join(t.TempDir(), "talk.mp4"), bytes.Repeat([]byte("0123456789abcde\n"), 200_000)
	write(t, path, content)
	return path, content
}

// only returns what the one upload that was started has brought.
func (s *server) only(t *testing.T) []byte {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.uploaded) != 1 {
		t.Fatalf("there are %d uploads", len(s.uploaded))
	}
	for _, content := range s.uploaded {
		return content.Bytes()
	}
	panic("unreachable")
}

func TestUploadSendsAFileOnce(t *testing.T) {
	s := serve(t)
	path, content := videoFile(t)
	client := s.dial(t)
	var last spotreel.Progress
	asset, err := client.UploadAsset(t.Context(), path, func(progress spotreel.Progress) { last = progress })
	if err != nil || asset.GetSizeBytes() != int64(len(content)) || !bytes.Equal(s.only(t), content) {
		t.Fatal(asset, err)
	}
	if last.Step != spotreel.StepUploading || last.Fraction != 1 || last.File != path || last.BytesTotal != int64(len(content)) {
		t.Error(last)
	}
	again, err := client.UploadAsset(t.Context(), path, nil)
	if err != nil || again.GetName() != asset.GetName() || s.calls("UploadAsset") != 1 {
		t.Error(again, err, s.calls("UploadAsset"))
	}
}

func TestUploadGoesOnFromWhatTheServerHas(t *testing.T) {
	s := serve(t)
	path, content := videoFile(t)
	var offsets []int64
	s.upload = func(call int, start *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error {
		offsets = append(offsets, start.GetWriteOffset())
		if call == 1 {
			return s.store(start, stream, 1_500_000)
		}
		return s.store(start, stream, -1)
	}
	if _, err := s.dial(t).UploadAsset(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	if len(offsets) != 2 || offsets[0] != 0 || offsets[1] != 2<<20 {
		t.Error(offsets)
	}
	if !bytes.Equal(s.only(t), content) {
		t.Error("the server has something else")
	}
}

func TestAnUploadIsOverWhenTheServerHasTheContent(t *testing.T) {
	s := serve(t)
	path, _ := videoFile(t)
	s.upload = func(_ int, _ *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error {
		return stream.SendAndClose(&orchestratorv1.UploadAssetResponse{Asset: &orchestratorv1.Asset{Name: "assets/known"}})
	}
	asset, err := s.dial(t).UploadAsset(t.Context(), path, nil)
	if err != nil || asset.GetName() != "assets/known" || s.calls("UploadAsset") != 1 {
		t.Error(asset, err)
	}
}

func TestUploadRaisesWhatTheServerSaysInTheMiddle(t *testing.T) {
	s := serve(t)
	path, _ := videoFile(t)
	s.upload = func(_ int, _ *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error {
		_, _ = stream.Recv()
		return refusal(codes.ResourceExhausted, "ASSET_TOO_LARGE")
	}
	_, err := s.dial(t).UploadAsset(t.Context(), path, nil)
	if failure := errorOf(t, err, spotreel.CodeResourceExhausted, "ASSET_TOO_LARGE"); failure.RequestID != "request-1" {
		t.Error(failure.RequestID)
	}
}

func TestBytesThatArriveDamagedAreSentAgainThreeTimes(t *testing.T) {
	s := serve(t)
	path, _ := videoFile(t)
	s.upload = func(int, *orchestratorv1.UploadAssetRequest_Start, assetStream) error {
		return refusal(codes.DataLoss, "CHECKSUM_MISMATCH")
	}
	_, err := s.dial(t).UploadAsset(t.Context(), path, nil)
	errorOf(t, err, spotreel.CodeDataLoss, "CHECKSUM_MISMATCH")
	if s.calls("UploadAsset") != 4 {
		t.Errorf("%d calls", s.calls("UploadAsset"))
	}
}

func TestAFileThatChangesIsNotUploaded(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string, content []byte){
		"shorter": func(t *testing.T, path string, content []byte) { write(t, path, content[:100]) },
		"longer":  func(t *testing.T, path string, content []byte) { write(t, path, append(content, 'x')) },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			path, content := videoFile(t)
			changed := false
			_, err := s.dial(t).UploadAsset(t.Context(), path, func(spotreel.Progress) {
				if !changed {
					change(t, path, content)
					changed = true
				}
			})
			errorOf(t, err, spotreel.CodeLocalFile, "FILE_CHANGED")
		})
	}
}

func TestAFileThatCannotBeReadIsNotUploaded(t *testing.T) {
	s := serve(t)
	for _, path := range []string{filepath.Join(t.TempDir(), "missing.mp4"), t.TempDir()} {
		_, err := s.dial(t).UploadAsset(t.Context(), path, nil)
		if failure := errorOf(t, err, spotreel.CodeLocalFile, "FILE_UNREADABLE"); failure.Metadata["path"] != path {
			t.Error(failure.Metadata)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if output, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
		t.Logf("no pipe could be made: %s", output)
		pipe = os.DevNull
	}
	for _, path := range []string{pipe, os.DevNull, t.TempDir()} {
		_, err := s.dial(t).UploadAsset(t.Context(), path, nil)
		if failure := errorOf(t, err, spotreel.CodeLocalFile, "FILE_UNREADABLE"); failure.Message != path+" is no file." {
			t.Error(failure.Message)
		}
	}
	if len(s.called) != 0 {
		t.Errorf("the server was asked: %v", s.called)
	}
}

func TestAnUploadWithoutAnAssetIsTakenUpAgain(t *testing.T) {
	s := serve(t)
	path, content := videoFile(t)
	digest := sha256.Sum256(content)
	name := "assets/" + hex.EncodeToString(digest[:])
	s.assets[name] = nil
	s.upload = func(call int, start *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error {
		if call < 3 {
			return stream.SendAndClose(&orchestratorv1.UploadAssetResponse{})
		}
		return s.store(start, stream, -1)
	}
	asset, err := s.dial(t).UploadAsset(t.Context(), path, nil)
	if err != nil || asset.GetName() != name || s.calls("UploadAsset") != 3 {
		t.Error(asset, err, s.calls("UploadAsset"))
	}

	s.upload = func(_ int, _ *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error {
		return stream.SendAndClose(&orchestratorv1.UploadAssetResponse{})
	}
	s.assets[name] = nil
	_, err = s.dial(t, spotreel.WithPatience(0)).UploadAsset(t.Context(), path, nil)
	errorOf(t, err, spotreel.CodeUnavailable, "STREAM_CUT")
}

func TestAnUploadEndsWithItsContext(t *testing.T) {
	s := serve(t)
	path, _ := videoFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := s.dial(t).UploadAsset(ctx, path, func(spotreel.Progress) { cancel() }); err != context.Canceled {
		t.Error(err)
	}
}
