// Command caption burns subtitles into a video, with a progress bar:
//
//	export SPOTREEL_SERVER=127.0.0.1:50051 SPOTREEL_API_KEY=…
//	go run ./examples/caption talk.mp4 talk.srt captioned.mp4
//
// Interrupted (ctrl-C), it cancels the job and waits until it has ended.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	spotreel "github.com/spotreel/spotreel/clients/go"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: caption VIDEO SUBTITLES OUT")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := caption(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
	fmt.Println(os.Args[3])
}

func caption(ctx context.Context, video, subtitles, out string) error {
	client, err := spotreel.Dial("") // SPOTREEL_SERVER
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Caption(ctx, video, subtitles, spotreel.RunOptions{To: out, OnProgress: showBar})
	fmt.Fprintln(os.Stderr)
	return err
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

func explain(err error) string {
	var failure *spotreel.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "Interrupted; the job was cancelled."
	case errors.As(err, &failure) && failure.Job.GetFailure().GetFfmpegLogTail() != "":
		return failure.Message + "\n" + failure.Job.GetFailure().GetFfmpegLogTail()
	case errors.As(err, &failure):
		return failure.Message
	default:
		return err.Error()
	}
}
