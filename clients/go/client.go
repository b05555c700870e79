package spotreel

import (
	"context"
	_ "embed"
	"iter"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

const (
	defaultPatience = 60 * time.Second
	// A chunk of output is at most 1 MiB; a job with its log tail far less.
	maxMessageBytes = 8 << 20
	// With gRPC's 32 KiB a download took 7 to 17 % more CPU time, in calls of the kernel (loopback, 2026-11).
	readBufferBytes = 256 << 10
)

// Time-outs and retries of each unary method, the same for the clients of every language. Streams are not in it: gRPC
// could only repeat them from the start.
//
//go:embed service_config.json
var serviceConfig string

// Client speaks to one orchestrator. It may be used by several goroutines at once.
//
// Methods return ctx.Err() where the caller's context has ended, and an [*Error] for every other failure.
type Client struct {
	conn     *grpc.ClientConn
	jobs     orchestratorv1.JobServiceClient
	assets   orchestratorv1.AssetServiceClient
	server   string
	timeout  time.Duration
	patience time.Duration
	silence  time.Duration
	answered atomic.Bool // whether the server has ever answered
}

// Option changes what Dial does by default.
type Option func(*settings)

type settings struct {
	apiKey, tlsCA string
	timeout       time.Duration
	patience      time.Duration
	heartbeat     time.Duration
}

// WithAPIKey says which key is sent with every call; by default that of SPOTREEL_API_KEY, if any.
func WithAPIKey(key string) Option { return func(s *settings) { s.apiKey = key } }

// WithTLSCA names a PEM file of the certificates to trust; by default that of SPOTREEL_TLS_CA, else those of this
// machine.
func WithTLSCA(path string) Option { return func(s *settings) { s.tlsCA = path } }

// WithTimeout bounds each unary call, its retries included, more tightly than the service config does (15 or 30 s).
func WithTimeout(timeout time.Duration) Option { return func(s *settings) { s.timeout = timeout } }

// WithPatience says how long a broken stream is taken up again without any progress; 60 s by default. Before the first
// message of a stream it is 5 s at most, while the server has never answered this client.
func WithPatience(patience time.Duration) Option { return func(s *settings) { s.patience = patience } }

// WithHeartbeat says how often a quiet server speaks; after three misses a stream counts as broken. 10 s by default.
func WithHeartbeat(interval time.Duration) Option {
	return func(s *settings) { s.heartbeat = interval }
}

// Dial makes a client of the server at host:port; it connects with the first call.
//
// An empty server is that of SPOTREEL_SERVER. TLS is used unless the server is this machine (localhost, a loopback
// address); http:// or https:// before the name say otherwise. Without a port it is 443 with TLS, 50051 without.
//
// It fails with CodeInvalidArgument where no server is named (SERVER_MISSING), where what is named is none
// (SERVER_INVALID) and where the key cannot be sent (API_KEY_MALFORMED), with CodeLocalFile where the certificates
// cannot be read (TLS_CA_UNREADABLE).
func Dial(server string, options ...Option) (*Client, error) {
	chosen := settings{patience: defaultPatience, heartbeat: defaultHeartbeat}
	for _, option := range options {
		option(&chosen)
	}
	where, err := resolveEndpoint(server, chosen.apiKey, chosen.tlsCA)
	if err != nil {
		return nil, err
	}
	// The scheme is said, so that no name of a host is taken for one. A service config in DNS could not be meant for us.
	conn, err := grpc.NewClient("dns:///"+where.target, dialOptions(where)...)
	if err != nil {
		return nil, invalid("SERVER_INVALID", "%s cannot be spoken to: %s.", where.target, err)
	}
	return &Client{
		conn:     conn,
		jobs:     orchestratorv1.NewJobServiceClient(conn),
		assets:   orchestratorv1.NewAssetServiceClient(conn),
		server:   where.target,
		timeout:  chosen.timeout,
		patience: chosen.patience,
		silence:  missedHeartbeats * chosen.heartbeat,
	}, nil
}

func dialOptions(where *endpoint) []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(where.transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("spotreel-go"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithReadBufferSize(readBufferBytes),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// The default of 1 s would spend all tries of a call before the second attempt to connect.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 20 * time.Second,
		}),
	}
	if where.perCall != nil {
		options = append(options, grpc.WithPerRPCCredentials(where.perCall))
	}
	return options
}

// Server returns where the server is, host:port.
func (c *Client) Server() string { return c.server }

// Conn returns the connection, for the services of orchestrator/v1 that have no methods here: instances and offers.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Close ends what is open.
func (c *Client) Close() error { return c.conn.Close() }

// CreateJob creates a job and does not wait for it. Where the request has no RequestId, one is made, so that the job is
// created once, however often the call had to be repeated.
func (c *Client) CreateJob(ctx context.Context, request *orchestratorv1.CreateJobRequest) (*orchestratorv1.Job, error) {
	if request.GetRequestId() == "" {
		request = proto.CloneOf(request)
		request.RequestId = uuid.NewString()
	}
	response, err := call(ctx, c, c.jobs.CreateJob, request)
	return response.GetJob(), err
}

// GetJob gets the job called jobs/….
func (c *Client) GetJob(ctx context.Context, name string) (*orchestratorv1.Job, error) {
	response, err := call(ctx, c, c.jobs.GetJob, &orchestratorv1.GetJobRequest{Name: name})
	return response.GetJob(), err
}

// ListJobs yields all jobs that the request asks for, the newest first unless it says otherwise. Pages come as needed,
// from its PageToken on. After an error it ends.
func (c *Client) ListJobs(ctx context.Context, request *orchestratorv1.ListJobsRequest) iter.Seq2[*orchestratorv1.Job, error] {
	return func(yield func(*orchestratorv1.Job, error) bool) {
		request := proto.CloneOf(request)
		for {
			page, err := call(ctx, c, c.jobs.ListJobs, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, job := range page.GetJobs() {
				if !yield(job, nil) {
					return
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				return
			}
		}
	}
}

// CancelJob asks a job to end and returns it, CANCELLING or CANCELLED. It fails with CodeFailedPrecondition where the
// job has ended.
func (c *Client) CancelJob(ctx context.Context, name string) (*orchestratorv1.Job, error) {
	response, err := call(ctx, c, c.jobs.CancelJob, &orchestratorv1.CancelJobRequest{Name: name})
	return response.GetJob(), err
}

// DeleteJob deletes a job that is final, and its output. It fails with CodeFailedPrecondition where the job is not.
func (c *Client) DeleteJob(ctx context.Context, name string) error {
	_, err := call(ctx, c, c.jobs.DeleteJob, &orchestratorv1.DeleteJobRequest{Name: name})
	return err
}

// QuoteJob asks what a job would cost, and creates nothing.
func (c *Client) QuoteJob(ctx context.Context, spec *orchestratorv1.JobSpec) (*orchestratorv1.JobQuote, error) {
	response, err := call(ctx, c, c.jobs.QuoteJob, &orchestratorv1.QuoteJobRequest{Spec: spec})
	return response.GetQuote(), err
}

// call makes a unary call and returns our own errors.
func call[Request, Response any](
	ctx context.Context,
	c *Client,
	method func(context.Context, *Request, ...grpc.CallOption) (*Response, error),
	request *Request,
) (*Response, error) {
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if c.timeout > 0 {
		bounded, cancel = context.WithTimeout(ctx, c.timeout)
	}
	defer cancel()
	var trailer metadata.MD
	response, err := method(bounded, request, grpc.Trailer(&trailer))
	if err != nil {
		return nil, c.errorOf(ctx, err, trailer)
	}
	c.answered.Store(true)
	return response, nil
}
