package spotreel

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	mediav1 "github.com/spotreel/spotreel/clients/go/media/v1"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
)

const (
	// What calling a job off may take: FFmpeg's grace and a round trip or two, or a server that starts again.
	callOffTimeout = 30 * time.Second
	// Stands for a file that is not uploaded yet; no server ever fetches it.
	placeholder = "https://example.invalid/"
)

// RunOptions is what Run and its kin take beside the work itself.
type RunOptions struct {
	// To is where the output is written; empty: it is not downloaded. See DownloadOutput for what is refused.
	To string
	// Overwrite allows To to be replaced.
	Overwrite bool
	// DiscardPartial removes <To>.part also where a later download could go on from it.
	DiscardPartial bool
	// RequestID is a UUID that makes the job one and the same, however often it is created; made unless given.
	RequestID  string
	OnProgress OnProgress
}

// Run creates a job, follows it to its end, downloads its output and returns the job.
//
// When ctx ends meanwhile, the job is cancelled too, and its end is waited for; then ctx.Err() is returned. Both take at
// most 30 s, in which a server that does not answer is asked again and again. What became of the job is in the last
// Progress that had one.
//
// It fails with CodeJobFailed and CodeJobCancelled, and with CodeLocalFile before anything starts where To cannot be
// written, as DownloadOutput does.
func (c *Client) Run(ctx context.Context, spec *orchestratorv1.JobSpec, options RunOptions) (*orchestratorv1.Job, error) {
	if options.To != "" {
		if err := checkTarget(options.To, options.Overwrite); err != nil {
			return nil, err
		}
	}
	job, err := c.follow(ctx, spec, options)
	if err != nil {
		return nil, err
	}
	if options.To != "" {
		err := c.DownloadOutput(ctx, job.GetName(), options.To, DownloadOptions{
			Overwrite: options.Overwrite, DiscardPartial: options.DiscardPartial, OnProgress: options.OnProgress,
		})
		if err != nil {
			return nil, err
		}
	}
	options.OnProgress.tell(progressOf(job))
	return job, nil
}

// Caption burns subtitles into a video; it uploads what is local (see Source), then does as Run.
//
// For other operations, and for settings, make an operation of Sources, and Run it.
func (c *Client) Caption(ctx context.Context, video, subtitles string, options RunOptions) (*orchestratorv1.Job, error) {
	if options.To != "" {
		if err := checkTarget(options.To, options.Overwrite); err != nil {
			return nil, err
		}
		if err := refuseOwnInput(options.To, video, subtitles); err != nil {
			return nil, err
		}
	}
	knownVideo, knownSubtitles := asItIs(video), asItIs(subtitles)
	if knownVideo == nil || knownSubtitles == nil {
		// Nothing is uploaded for a job that the server would not take.
		draft := caption(orPlaceholder(knownVideo), orPlaceholder(knownSubtitles))
		if _, err := c.QuoteJob(ctx, draft); err != nil {
			return nil, err
		}
	}
	videoSource, err := c.Source(ctx, video, options.OnProgress)
	if err != nil {
		return nil, err
	}
	subtitlesSource, err := c.Source(ctx, subtitles, options.OnProgress)
	if err != nil {
		return nil, err
	}
	return c.Run(ctx, caption(videoSource, subtitlesSource), options)
}

// Source makes what operations take: of an http(s) URL or the name of an asset (assets/…) as it is, of the path of a
// file by uploading it.
func (c *Client) Source(ctx context.Context, source string, onProgress OnProgress) (*mediav1.MediaSource, error) {
	if made := asItIs(source); made != nil {
		return made, nil
	}
	asset, err := c.UploadAsset(ctx, source, onProgress)
	if err != nil {
		return nil, err
	}
	return &mediav1.MediaSource{Source: &mediav1.MediaSource_Asset{Asset: asset.GetName()}}, nil
}

// follow returns the job when it has SUCCEEDED.
func (c *Client) follow(ctx context.Context, spec *orchestratorv1.JobSpec, options RunOptions) (*orchestratorv1.Job, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// The server may have the job although its answer is not here yet; nothing must go on that nobody waits for.
	longer, release := outlive(ctx, callOffTimeout)
	defer release()
	job, err := c.createOnce(ctx, longer, spec, cmp.Or(options.RequestID, uuid.NewString()))
	if err == nil {
		options.OnProgress.tell(progressOf(job))
		name := job.GetName()
		if job, err = c.WaitJob(ctx, name, options.OnProgress); err != nil && ctx.Err() != nil {
			c.callOff(longer, name, options.OnProgress)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return succeeded(job)
}

// createOnce creates a job. Where ctx ends before the answer comes, it is asked for as long as longer lasts: without
// the job's name it cannot be cancelled.
func (c *Client) createOnce(ctx, longer context.Context, spec *orchestratorv1.JobSpec, requestID string) (*orchestratorv1.Job, error) {
	request := &orchestratorv1.CreateJobRequest{Spec: spec, RequestId: requestID}
	job, err := c.CreateJob(longer, request)
	if ctx.Err() != nil && isUnavailable(err) {
		err = persist(longer, callOffTimeout, func() (err error) {
			job, err = c.CreateJob(longer, request)
			return err
		})
	}
	return job, err
}

// callOff cancels a job and waits for its end, as long as ctx lasts, whatever patience the client has otherwise. Where
// that fails, it is said by what was not reported: a caller that wants to be sure has seen CANCELLED.
func (c *Client) callOff(ctx context.Context, name string, onProgress OnProgress) {
	err := persist(ctx, callOffTimeout, func() error {
		job, err := c.CancelJob(ctx, name)
		if err == nil {
			onProgress.tell(progressOf(job))
		}
		return err
	})
	if err != nil {
		return
	}
	_ = persist(ctx, callOffTimeout, func() error {
		_, err := c.WaitJob(ctx, name, onProgress)
		return err
	})
}

// outlive returns a context that ends a while after its parent does, or when it is released.
func outlive(parent context.Context, grace time.Duration) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		select {
		case <-time.After(grace):
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// asItIs makes what operations take; nil for a file, which has to be uploaded first.
func asItIs(source string) *mediav1.MediaSource {
	scheme, _, found := strings.Cut(strings.ToLower(source), "://")
	if found && (scheme == "http" || scheme == "https") {
		return &mediav1.MediaSource{Source: &mediav1.MediaSource_Uri{Uri: source}}
	}
	if _, err := os.Stat(source); strings.HasPrefix(source, "assets/") && errors.Is(err, os.ErrNotExist) {
		return &mediav1.MediaSource{Source: &mediav1.MediaSource_Asset{Asset: source}}
	}
	return nil
}

func orPlaceholder(source *mediav1.MediaSource) *mediav1.MediaSource {
	if source != nil {
		return source
	}
	return &mediav1.MediaSource{Source: &mediav1.MediaSource_Uri{Uri: placeholder}}
}

func caption(video, subtitles *mediav1.MediaSource) *orchestratorv1.JobSpec {
	return &orchestratorv1.JobSpec{Operation: &mediav1.Operation{
		Operation: &mediav1.Operation_Caption{Caption: &mediav1.Caption{Video: video, Subtitles: subtitles}},
	}}
}

// refuseOwnInput keeps an output from an input's place: nothing would be left to do the work again with.
func refuseOwnInput(to string, sources ...string) error {
	target, err := os.Stat(to)
	if err != nil {
		return nil
	}
	for _, source := range sources {
		if input, err := os.Stat(source); err == nil && os.SameFile(target, input) {
			return localFile("FILE_IS_INPUT", to, nil, "%s is an input of the work; choose another name for its output.", to)
		}
	}
	return nil
}
