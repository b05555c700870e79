package spotreel_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
)

func TestRunBringsTheOutputHome(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	var steps []spotreel.Step
	made, err := s.dial(t).Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{
		To:         to,
		RequestID:  "0b6e4d8e-55c9-4f32-a50a-2c7d4f7f1c11",
		OnProgress: func(progress spotreel.Progress) { steps = append(steps, progress.Step) },
	})
	if err != nil || made.GetState() != succeeded {
		t.Fatal(made, err)
	}
	assertFile(t, to, s.output)
	if !slices.Equal(s.requests, []string{"0b6e4d8e-55c9-4f32-a50a-2c7d4f7f1c11"}) {
		t.Error(s.requests)
	}
	if want := []spotreel.Step{"waiting", "done", "downloading", "done"}; !slices.Equal(slices.Compact(steps), want) {
		t.Errorf("got %v, want %v", slices.Compact(steps), want)
	}
}

func TestRunRaisesWhatBecameOfTheJob(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	end := job(failed)
	end.Failure = &orchestratorv1.JobFailure{
		Reason: "INPUT_INVALID", Message: "The video is damaged.", Metadata: map[string]string{"input": "video"},
		FfmpegLogTail: "moov atom not found",
	}
	s.watch = func(_ int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		return stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 1, Job: end})
	}
	client := s.dial(t)
	_, err := client.Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: to})
	failure := errorOf(t, err, spotreel.CodeJobFailed, "INPUT_INVALID")
	if failure.Message != "The video is damaged." || failure.Metadata["input"] != "video" || failure.Job.GetName() != jobName ||
		failure.Job.GetFailure().GetFfmpegLogTail() != "moov atom not found" {
		t.Errorf("%+v", failure)
	}

	end = job(cancelled)
	_, err = client.Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: to})
	errorOf(t, err, spotreel.CodeJobCancelled, "JOB_CANCELLED")
	assertMissing(t, to)
}

// hangs makes the job run until it is cancelled; the channel is closed when somebody watches it.
func (s *server) hangs() (watched chan struct{}) {
	watched = make(chan struct{})
	asked := make(chan struct{})
	s.cancel = func() (*orchestratorv1.Job, error) {
		close(asked)
		return job(orchestratorv1.Job_STATE_CANCELLING), nil
	}
	var once sync.Once
	s.watch = func(_ int, _ *orchestratorv1.WatchJobRequest, stream watchStream) error {
		_ = stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 1, Job: job(running)})
		once.Do(func() { close(watched) })
		select {
		case <-asked:
			return stream.Send(&orchestratorv1.WatchJobResponse{Sequence: 2, Job: job(cancelled)})
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
	return watched
}

func TestAContextThatEndsCancelsTheJobAndAwaitsItsEnd(t *testing.T) {
	s, to := serve(t), filepath.Join(t.TempDir(), "out.mp4")
	watched := s.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-watched
		cancel()
	}()
	var last spotreel.Progress
	_, err := s.dial(t).Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{
		To: to, OnProgress: func(progress spotreel.Progress) { last = progress },
	})
	if err != context.Canceled {
		t.Error(err)
	}
	if s.calls("CancelJob") != 1 || last.Step != spotreel.StepDone || last.Job.GetState() != cancelled {
		t.Error(s.calls("CancelJob"), last)
	}
	assertMissing(t, to)
}

func TestAJobIsCancelledAlsoWhereItsCreationWasNotAnsweredYet(t *testing.T) {
	s := serve(t)
	s.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	s.create = func(*orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
		cancel()
		return job(queued), nil
	}
	if _, err := s.dial(t).Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{}); err != context.Canceled {
		t.Error(err)
	}
	if s.calls("CreateJob") != 1 || s.calls("CancelJob") != 1 {
		t.Error(s.called)
	}
}

// busy refuses the first calls, more than the service config repeats and those with no patience would wait for.
func busy(times int) func() error {
	return func() error {
		if times--; times >= 0 {
			return refusal(codes.Unavailable, "SHUTTING_DOWN")
		}
		return nil
	}
}

func TestAJobIsCancelledAlsoWhereTheServerIsAwayForAWhile(t *testing.T) {
	s := serve(t)
	watched := s.hangs()
	cancelJob, watch, cancelling, watching := s.cancel, s.watch, busy(5), busy(2)
	s.cancel = func() (*orchestratorv1.Job, error) {
		if err := cancelling(); err != nil {
			return nil, err
		}
		return cancelJob()
	}
	s.watch = func(call int, request *orchestratorv1.WatchJobRequest, stream watchStream) error {
		if call > 1 {
			if err := watching(); err != nil {
				return err
			}
		}
		return watch(call, request, stream)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-watched
		cancel()
	}()
	var last *orchestratorv1.Job
	_, err := s.dial(t, spotreel.WithPatience(0)).Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{
		OnProgress: func(progress spotreel.Progress) { last = progress.Job },
	})
	if err != context.Canceled || last.GetState() != cancelled {
		t.Error(last, err)
	}
}

func TestAJobWhoseCreationIsNotAnsweredIsAskedForAndCancelled(t *testing.T) {
	s := serve(t)
	s.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	creating := busy(5)
	s.create = func(*orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
		cancel()
		return job(queued), creating()
	}
	_, err := s.dial(t, spotreel.WithPatience(0)).Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{})
	if err != context.Canceled || s.calls("CancelJob") != 1 {
		t.Error(s.called, err)
	}
	if len(slices.Compact(s.requests)) != 1 {
		t.Errorf("more than one job was asked for: %v", s.requests)
	}
}

func TestAJobThatHasEndedMeanwhileIsLeftAlone(t *testing.T) {
	s := serve(t)
	watched := s.hangs()
	s.cancel = func() (*orchestratorv1.Job, error) { return nil, refusal(codes.FailedPrecondition, "JOB_FINISHED") }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-watched
		cancel()
	}()
	if _, err := s.dial(t).Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{}); err != context.Canceled {
		t.Error(err)
	}
	if s.calls("WatchJob") != 1 {
		t.Error("it was watched again")
	}
}

func TestNothingIsCreatedForAContextThatHasEnded(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client, folder := s.dial(t), inputs(t)
	to := filepath.Join(folder, "out.mp4")
	if _, err := client.GetJob(t.Context(), jobName); err != nil { // it connects
		t.Fatal(err)
	}
	if _, err := client.Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: to}); err != context.Canceled {
		t.Error(err)
	}
	video, subtitles := filepath.Join(folder, "talk.mp4"), filepath.Join(folder, "talk.srt")
	if _, err := client.Caption(ctx, video, subtitles, spotreel.RunOptions{To: to}); err != context.Canceled {
		t.Error(err)
	}
	if _, err := client.GetJob(ctx, jobName); err != context.Canceled {
		t.Error(err)
	}
	if !slices.Equal(s.called, []string{"GetJob"}) {
		t.Error(s.called)
	}
	assertMissing(t, to+".part")
}

func TestRunLeavesNoGoroutineBehind(t *testing.T) {
	s := serve(t)
	client := s.dial(t)
	if _, err := client.GetJob(t.Context(), jobName); err != nil { // it connects
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	s.spoilOnce(3000, refused(codes.Unavailable, "SHUTTING_DOWN"))
	if _, err := client.Run(t.Context(), &orchestratorv1.JobSpec{}, spotreel.RunOptions{To: filepath.Join(t.TempDir(), "a")}); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)

	watched := s.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-watched
		cancel()
	}()
	if _, err := client.Run(ctx, &orchestratorv1.JobSpec{}, spotreel.RunOptions{}); err != context.Canceled {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

func TestCaptionUploadsWhatIsLocal(t *testing.T) {
	s, folder := serve(t), t.TempDir()
	subtitles := filepath.Join(folder, "talk.srt")
	write(t, subtitles, []byte("1\n00:00:00,000 --> 00:00:01,000\nHello\n"))
	var spec *orchestratorv1.JobSpec
	s.create = func(request *orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
		spec = request.GetSpec()
		return job(queued), nil
	}
	to := filepath.Join(folder, "out.mp4")
	if _, err := s.dial(t).Caption(t.Context(), "HTTPS://example.com/talk.mp4", subtitles, spotreel.RunOptions{To: to}); err != nil {
		t.Fatal(err)
	}
	caption := spec.GetOperation().GetCaption()
	if caption.GetVideo().GetUri() != "HTTPS://example.com/talk.mp4" || !strings.HasPrefix(caption.GetSubtitles().GetAsset(), "assets/") {
		t.Error(caption)
	}
	if want := []string{"QuoteJob", "GetAsset", "UploadAsset", "CreateJob", "WatchJob", "ReadJobOutput"}; !slices.Equal(s.called, want) {
		t.Errorf("got %v, want %v", s.called, want)
	}
	assertFile(t, to, s.output)
}

func TestCaptionDoesNotReplaceItsInput(t *testing.T) {
	s, video := serve(t), filepath.Join(t.TempDir(), "talk.mp4")
	write(t, video, []byte("video"))
	_, err := s.dial(t).Caption(t.Context(), video, "assets/subtitles", spotreel.RunOptions{To: video, Overwrite: true})
	errorOf(t, err, spotreel.CodeLocalFile, "FILE_IS_INPUT")
}

func TestSourceTakesAssetsAsTheyAre(t *testing.T) {
	s := serve(t)
	client := s.dial(t)
	source, err := client.Source(t.Context(), "assets/0123", nil)
	if err != nil || source.GetAsset() != "assets/0123" || len(s.called) != 0 {
		t.Error(source, err, s.called)
	}
	// A folder of that name on this machine goes before.
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("assets", 0o777), os.WriteFile("assets/0123", []byte("video"), 0o666)); err != nil {
		t.Fatal(err)
	}
	source, err = client.Source(t.Context(), "assets/0123", nil)
	if err != nil || len(source.GetAsset()) != len("assets/")+64 {
		t.Error(source, err)
	}
}
