package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// benchDownload measures what this client makes of a download.
func benchDownload(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	start := time.Now()
	if err := client.DownloadOutput(ctx, asked.Name, asked.To, spotreel.DownloadOptions{Overwrite: true}); err != nil {
		return nil, err
	}
	seconds := time.Since(start).Seconds()
	written, err := os.Stat(asked.To)
	if err != nil {
		return nil, err
	}
	return event{"seconds": seconds, "bytes": written.Size()}, nil
}

// benchBare measures the same with nothing but the stub, which checks nothing and does not go on after a break.
func benchBare(ctx context.Context, client *spotreel.Client, asked request) (event, error) {
	conn, err := grpc.NewClient(client.Server(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	start := time.Now()
	size, err := readBare(metadata.AppendToOutgoingContext(ctx, "x-api-key", asked.APIKey), conn, asked)
	return event{"seconds": time.Since(start).Seconds(), "bytes": size}, err
}

func readBare(ctx context.Context, conn *grpc.ClientConn, asked request) (size int64, err error) {
	stream, err := orchestratorv1.NewJobServiceClient(conn).ReadJobOutput(ctx,
		&orchestratorv1.ReadJobOutputRequest{Name: asked.Name})
	if err != nil {
		return 0, err
	}
	file, err := os.Create(asked.To)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return size, nil
		} else if err != nil {
			return size, err
		}
		if _, err := file.Write(message.GetData()); err != nil {
			return size, err
		}
		size += int64(len(message.GetData()))
	}
}
