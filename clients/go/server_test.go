package spotreel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	spotreel "github.com/spotreel/spotreel/clients/go"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

const jobName = "jobs/job-0001"

type (
	watchStream  = grpc.ServerStreamingServer[orchestratorv1.WatchJobResponse]
	outputStream = grpc.ServerStreamingServer[orchestratorv1.ReadJobOutputResponse]
	assetStream  = grpc.ClientStreamingServer[orchestratorv1.UploadAssetRequest, orchestratorv1.UploadAssetResponse]
)

// server is a real gRPC server with one job, whose output it sends in chunks, and with assets in memory. A test
// replaces the functions of what it wants to fail.
type server struct {
	orchestratorv1.UnimplementedJobServiceServer
	orchestratorv1.UnimplementedAssetServiceServer

	output []byte
	create func(*orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error)
	get    func(context.Context) (*orchestratorv1.Job, error)
	cancel func() (*orchestratorv1.Job, error)
	watch  func(call int, request *orchestratorv1.WatchJobRequest, stream watchStream) error
	read   func(call int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error
	upload func(call int, start *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error

	address string

	mutex     sync.Mutex
	called    []string
	keys      []string
	offsets   []int64  // of ReadJobOutput
	sequences []int64  // of WatchJob
	requests  []string // ids of CreateJob
	uploaded  map[string]*bytes.Buffer
	assets    map[string]*orchestratorv1.Asset
}

// serve starts a server that does everything right.
func serve(t *testing.T) *server {
	t.Helper()
	s := &server{
		output:   bytes.Repeat([]byte("moving pictures "), 1000),
		uploaded: map[string]*bytes.Buffer{},
		assets:   map[string]*orchestratorv1.Asset{},
	}
	s.create = func(*orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
		return job(orchestratorv1.Job_STATE_QUEUED), nil
	}
	s.get = func(context.Context) (*orchestratorv1.Job, error) {
		return job(orchestratorv1.Job_STATE_SUCCEEDED), nil
	}
	s.cancel = func() (*orchestratorv1.Job, error) { return job(orchestratorv1.Job_STATE_CANCELLING), nil }
	s.watch = func(_ int, request *orchestratorv1.WatchJobRequest, stream watchStream) error {
		return s.show(request, stream, orchestratorv1.Job_STATE_QUEUED, orchestratorv1.Job_STATE_RUNNING, orchestratorv1.Job_STATE_SUCCEEDED)
	}
	s.read = func(_ int, request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
		return s.send(request.GetReadOffset(), stream, nil)
	}
	s.upload = func(_ int, start *orchestratorv1.UploadAssetRequest_Start, stream assetStream) error {
		return s.store(start, stream, -1)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	running := grpc.NewServer(grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream))
	orchestratorv1.RegisterJobServiceServer(running, s)
	orchestratorv1.RegisterAssetServiceServer(running, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = running.Serve(listener)
	}()
	t.Cleanup(func() {
		running.Stop()
		<-served
	})
	return s
}

// dial opens a client that loses patience soon.
func (s *server) dial(t *testing.T, options ...spotreel.Option) *spotreel.Client {
	t.Helper()
	options = append([]spotreel.Option{spotreel.WithPatience(2 * time.Second)}, options...)
	client, err := spotreel.Dial(s.address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func (s *server) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	s.note(ctx, info.FullMethod)
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-request-id", "request-1"))
	return handler(ctx, request)
}

func (s *server) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	s.note(stream.Context(), info.FullMethod)
	stream.SetTrailer(metadata.Pairs("x-request-id", "request-1"))
	return handler(service, stream)
}

func (s *server) note(ctx context.Context, method string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.called = append(s.called, method[1+bytes.LastIndexByte([]byte(method), '/'):])
	sent, _ := metadata.FromIncomingContext(ctx)
	s.keys = append(s.keys, sent.Get("authorization")...)
}

// calls tells how often a method was called.
func (s *server) calls(method string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	count := 0
	for _, each := range s.called {
		if each == method {
			count++
		}
	}
	return count
}

func (s *server) readOffsets() []int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.offsets)
}

func (s *server) CreateJob(_ context.Context, request *orchestratorv1.CreateJobRequest) (*orchestratorv1.CreateJobResponse, error) {
	s.mutex.Lock()
	s.requests = append(s.requests, request.GetRequestId())
	s.mutex.Unlock()
	created, err := s.create(request)
	return &orchestratorv1.CreateJobResponse{Job: created}, err
}

func (s *server) GetJob(ctx context.Context, _ *orchestratorv1.GetJobRequest) (*orchestratorv1.GetJobResponse, error) {
	found, err := s.get(ctx)
	return &orchestratorv1.GetJobResponse{Job: found}, err
}

func (s *server) QuoteJob(context.Context, *orchestratorv1.QuoteJobRequest) (*orchestratorv1.QuoteJobResponse, error) {
	return &orchestratorv1.QuoteJobResponse{Quote: &orchestratorv1.JobQuote{Explanation: "Local work is free."}}, nil
}

// ListJobs answers with three pages of one job each.
func (s *server) ListJobs(_ context.Context, request *orchestratorv1.ListJobsRequest) (*orchestratorv1.ListJobsResponse, error) {
	next := map[string]string{"": "second", "second": "third", "third": ""}[request.GetPageToken()]
	return &orchestratorv1.ListJobsResponse{
		Jobs: []*orchestratorv1.Job{job(orchestratorv1.Job_STATE_SUCCEEDED)}, NextPageToken: next,
	}, nil
}

func (s *server) CancelJob(context.Context, *orchestratorv1.CancelJobRequest) (*orchestratorv1.CancelJobResponse, error) {
	cancelled, err := s.cancel()
	return &orchestratorv1.CancelJobResponse{Job: cancelled}, err
}

func (s *server) WatchJob(request *orchestratorv1.WatchJobRequest, stream watchStream) error {
	s.mutex.Lock()
	s.sequences = append(s.sequences, request.GetAfterSequence())
	call := len(s.sequences)
	s.mutex.Unlock()
	return s.watch(call, request, stream)
}

// show sends one message for each state, counted from 1, behind the one that was seen.
func (s *server) show(request *orchestratorv1.WatchJobRequest, stream watchStream, states ...orchestratorv1.Job_State) error {
	for i, state := range states {
		if sequence := int64(i + 1); sequence > request.GetAfterSequence() {
			if err := stream.Send(&orchestratorv1.WatchJobResponse{Sequence: sequence, Job: job(state)}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *server) ReadJobOutput(request *orchestratorv1.ReadJobOutputRequest, stream outputStream) error {
	s.mutex.Lock()
	s.offsets = append(s.offsets, request.GetReadOffset())
	call := len(s.offsets)
	s.mutex.Unlock()
	return s.read(call, request, stream)
}

// send sends the output in chunks of 1000 bytes. Before each chunk spoil may change it, or end the call with an error.
func (s *server) send(offset int64, stream outputStream, spoil func(*orchestratorv1.ReadJobOutputResponse) error) error {
	if offset > int64(len(s.output)) {
		return refusal(codes.OutOfRange, "OFFSET_BEYOND_END")
	}
	digest := sha256.Sum256(s.output)
	for {
		data := slices.Clone(s.output[offset:min(offset+1000, int64(len(s.output)))])
		message := &orchestratorv1.ReadJobOutputResponse{
			Offset: offset, Data: data, Crc32C: crc32c(data), SizeBytes: int64(len(s.output)), Attempt: 1,
		}
		offset += int64(len(data))
		if message.Last = offset == int64(len(s.output)); message.Last {
			message.Sha256 = digest[:]
		}
		if spoil != nil {
			if err := spoil(message); err != nil {
				return err
			}
		}
		if err := stream.Send(message); err != nil || message.GetLast() {
			return err
		}
	}
}

func (s *server) UploadAsset(stream assetStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	return s.upload(s.calls("UploadAsset"), first.GetStart(), stream)
}

// store takes an upload; it breaks when it has taken so many bytes, if that is not negative.
func (s *server) store(start *orchestratorv1.UploadAssetRequest_Start, stream assetStream, breakAfter int) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.uploaded[start.GetUploadId()] == nil {
		s.uploaded[start.GetUploadId()] = &bytes.Buffer{}
	}
	content := s.uploaded[start.GetUploadId()]
	if int64(content.Len()) != start.GetWriteOffset() {
		return refusal(codes.OutOfRange, "OFFSET_MISMATCH")
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		if message.GetFinish() != nil {
			break
		}
		data := message.GetData()
		if crc32c(data.GetData()) != data.GetCrc32C() || data.GetOffset() != int64(content.Len()) {
			return refusal(codes.DataLoss, "CHECKSUM_MISMATCH")
		}
		content.Write(data.GetData())
		if breakAfter >= 0 && content.Len() > breakAfter {
			return status.Error(codes.Unavailable, "connection reset")
		}
	}
	digest := sha256.Sum256(content.Bytes())
	asset := &orchestratorv1.Asset{Name: "assets/" + hex.EncodeToString(digest[:]), SizeBytes: int64(content.Len())}
	s.assets[asset.GetName()] = asset
	return stream.SendAndClose(&orchestratorv1.UploadAssetResponse{Asset: asset})
}

func (s *server) GetUpload(_ context.Context, request *orchestratorv1.GetUploadRequest) (*orchestratorv1.GetUploadResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	content := s.uploaded[request.GetUploadId()]
	if content == nil {
		return nil, refusal(codes.NotFound, "UPLOAD_NOT_FOUND")
	}
	return &orchestratorv1.GetUploadResponse{CommittedBytes: int64(content.Len())}, nil
}

func (s *server) GetAsset(_ context.Context, request *orchestratorv1.GetAssetRequest) (*orchestratorv1.GetAssetResponse, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	asset, known := s.assets[request.GetName()]
	if !known {
		return nil, refusal(codes.NotFound, "ASSET_NOT_FOUND")
	}
	return &orchestratorv1.GetAssetResponse{Asset: asset}, nil
}

// refusal is a status as rich as the real server's.
func refusal(code codes.Code, reason string, details ...proto.Message) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "spotreel", Metadata: map[string]string{"from": "test"}}
	packed := []protoadapt.MessageV1{info}
	for _, detail := range details {
		packed = append(packed, protoadapt.MessageV1Of(detail))
	}
	made, err := status.New(code, "It was refused.").WithDetails(packed...)
	if err != nil {
		panic(err)
	}
	return made.Err()
}

func job(state orchestratorv1.Job_State) *orchestratorv1.Job {
	return &orchestratorv1.Job{Name: jobName, State: state}
}

func crc32c(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// errorOf is the *spotreel.Error that was expected.
func errorOf(t *testing.T, err error, code spotreel.Code, reason string) *spotreel.Error {
	t.Helper()
	failure, ok := err.(*spotreel.Error)
	if !ok || failure.Code != code || failure.Reason != reason {
		t.Fatalf("got %#v, want %s with reason %s", err, code, reason)
	}
	return failure
}
