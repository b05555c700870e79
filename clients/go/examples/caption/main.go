// Command caption burns subtitles into a video, with a progress bar:
//
//	export SPOTREEL_SERVER=127.0.0.1:50051 SPOTREEL_API_KEY=…
//	go run ./examples/caption talk.mp4 talk.srt captioned.mp4
//
// Interrupted (ctrl-C), it cancels the job and waits until it has ended, 30 s at most; the second ctrl-C ends it at
// once. It exits with 0 when the file is there, with 1 when that failed, with 130 when it was interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: caption VIDEO SUBTITLES OUT")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the next ctrl-C does what it does to every program
	job, err := caption(ctx, os.Args[1], os.Args[2], os.Args[3])
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, interrupted(job))
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
	fmt.Println(os.Args[3])
}

// caption returns the job as it was last seen; nil before it was created.
func caption(ctx context.Context, video, subtitles, out string) (job *orchestratorv1.Job, err error) {
	client, err := spotreel.Dial("") // SPOTREEL_SERVER
	if err != nil {
		return nil, err
	}
	defer client.Close()
	defer fmt.Fprintln(os.Stderr)
	_, err = client.Caption(ctx, video, subtitles, spotreel.RunOptions{
		To: out,
		OnProgress: func(progress spotreel.Progress) {
			if progress.Job != nil {
				job = progress.Job
			}
			showBar(progress)
		},
	})
	return job, err
}

func showBar(progress spotreel.Progress) {
	const width = 40
	filled, percent := 0, "  …"
	if progress.Fraction != spotreel.UnknownFraction {
		filled, percent = int(progress.Fraction*width), fmt.Sprintf("%3.0f", progress.Fraction*100)
	}
	bar := strings.Repeat("█", filled) + strings.Repeat("░", width-filled)
	fmt.Fprintf(os.Stderr, "\r%-14s %s %s %%", progress.Step, bar, percent)
}

func interrupted(job *orchestratorv1.Job) string {
	switch {
	case job == nil:
		return "Interrupted."
	case job.GetState() == orchestratorv1.Job_STATE_CANCELLED:
		return "Interrupted; the job was cancelled."
	default:
		return fmt.Sprintf("Interrupted; %s was last seen %s: `spotreel jobs cancel %[1]s`.", job.GetName(), job.GetState())
	}
}

func explain(err error) string {
	var failure *spotreel.Error
	switch {
	case errors.As(err, &failure) && failure.Job.GetFailure().GetFfmpegLogTail() != "":
		return failure.Message + "\n" + failure.Job.GetFailure().GetFfmpegLogTail()
	case errors.As(err, &failure):
		return failure.Message
	default:
		return err.Error()
	}
}
