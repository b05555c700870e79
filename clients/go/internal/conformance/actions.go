package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

type action func(context.Context, *spotreel.Client, request) (event, error)

var actions = map[string]action{
	"get_job":         getJob,
	"create_job":      createJob,
	"watch_job":       watchJob,
	"list_jobs":       listJobs,
	"upload_asset":    uploadAsset,
	"download_output": downloadOutput,
	"read_output":     readOutput,
	"run":             run,
	"caption":         caption,
	"bench_download":  benchDownload,
	"bench_bare":      benchBare,
}

func getJob(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	job, err := client.GetJob(ctx, asked.Name)
	return event{"job": asJSON(job)}, err
}

func createJob(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	spec, err := specOf(asked)
	if err != nil {
		return nil, err
	}
	job, err := client.CreateJob(ctx, &orchestratorv1.CreateJobRequest{Spec: spec, RequestId: asked.RequestID})
	return event{"job": asJSON(job)}, err
}

func watchJob(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	var last *orchestratorv1.Job
	for job, err := range client.WatchJob(ctx, asked.Name) {
		if err != nil {
			return nil, err
		}
		report(event{"event": "job", "state": stateOf(job), "name": job.GetName()})
		last = job
	}
	return event{"job": asJSON(last)}, nil
}

func listJobs(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	names := []string{}
	jobs := client.ListJobs(ctx, &orchestratorv1.ListJobsRequest{PageSize: asked.PageSize, LabelFilter: asked.Labels})
	for job, err := range jobs {
		if err != nil {
			return nil, err
		}
		names = append(names, job.GetName())
	}
	return event{"names": names}, nil
}

func uploadAsset(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	asset, err := client.UploadAsset(ctx, asked.Path, reportProgress)
	return event{"asset": asJSON(asset)}, err
}

func downloadOutput(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	options := spotreel.DownloadOptions{Overwrite: asked.Overwrite, OnProgress: reportProgress}
	return event{"file": asked.To}, client.DownloadOutput(ctx, asked.Name, asked.To, options)
}

func readOutput(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	output := client.ReadOutput(ctx, asked.Name, 0)
	defer output.Close()
	digest := sha256.New()
	size, err := io.Copy(digest, output)
	return event{"size_bytes": size, "sha256": hex.EncodeToString(digest.Sum(nil))}, err
}

func run(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	spec, err := specOf(asked)
	if err != nil {
		return nil, err
	}
	job, err := client.Run(ctx, spec, runOptions(asked))
	return event{"job": asJSON(job), "file": asked.To}, err
}

func caption(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	job, err := client.Caption(ctx, asked.Video, asked.Subtitles, runOptions(asked))
	return event{"job": asJSON(job), "file": asked.To}, err
}

func runOptions(asked request) spotreel.RunOptions {
	return spotreel.RunOptions{
		To: asked.To, Overwrite: asked.Overwrite, RequestID: asked.RequestID, OnProgress: reportProgress,
	}
}

func specOf(asked request) (*orchestratorv1.JobSpec, error) {
	spec := &orchestratorv1.JobSpec{}
	return spec, protojson.Unmarshal(asked.Spec, spec)
}
