package spotreel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

const (
	chunkBytes = 1 << 20
	// A message that cannot be sent for this long: the other side is gone, or its disk hangs.
	writeTimeout  = 30 * time.Second
	mostDamaged   = 3
	fileNameChars = 255
)

var errStalled = errors.New("the other side takes nothing")

type uploadCall = grpc.ClientStreamingClient[orchestratorv1.UploadAssetRequest, orchestratorv1.UploadAssetResponse]

// UploadAsset returns the asset with the content of a file; it sends the content only where the server lacks it.
//
// It fails with CodeLocalFile where there is no file that can be read (FILE_UNREADABLE) or where it changes meanwhile
// (FILE_CHANGED), with CodeDataLoss where the server gets other bytes than were sent, again and again.
func (c *Client) UploadAsset(ctx context.Context, path string, onProgress OnProgress) (*orchestratorv1.Asset, error) {
	file, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := contentOf(ctx, file)
	if err != nil {
		return nil, err
	}
	name := "assets/" + hex.EncodeToString(content.sha256)
	known, err := call(ctx, c, c.assets.GetAsset, &orchestratorv1.GetAssetRequest{Name: name})
	if known.GetAsset() != nil || err != nil && !errors.Is(err, CodeNotFound) {
		return known.GetAsset(), err
	}
	sending := &upload{
		client: c, content: content, onBytes: onProgress.bytesMoved(StepUploading, path), id: uuid.NewString(),
	}
	return sending.run(ctx)
}

func openInput(path string) (*os.File, error) {
	// Opening a pipe that nobody writes to would take for ever.
	if found, err := os.Stat(path); err != nil {
		return nil, unreadable(path, err)
	} else if !found.Mode().IsRegular() {
		return nil, localFile("FILE_UNREADABLE", path, nil, "%s is no file.", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return file, nil
}

// content is a local file as it was when its digest was taken.
type content struct {
	file     *os.File
	size     int64
	modified time.Time
	sha256   []byte
}

func contentOf(ctx context.Context, file *os.File) (*content, error) {
	before, err := file.Stat()
	if err != nil {
		return nil, unreadable(file.Name(), err)
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, contextReader{ctx, file}); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, unreadable(file.Name(), err)
	}
	return &content{file: file, size: before.Size(), modified: before.ModTime(), sha256: digest.Sum(nil)}, nil
}

// checkUnchanged looks at the name, not at the open file: that may have been replaced.
func (c *content) checkUnchanged() error {
	now, err := os.Stat(c.file.Name())
	if err != nil {
		return unreadable(c.file.Name(), err)
	}
	if now.Size() != c.size || !now.ModTime().Equal(c.modified) {
		return changed(c.file.Name())
	}
	return nil
}

// chunk reads what comes at an offset.
func (c *content) chunk(offset int64) (*orchestratorv1.UploadAssetRequest_Data, error) {
	data := make([]byte, min(chunkBytes, c.size-offset))
	if _, err := c.file.ReadAt(data, offset); err == io.EOF {
		return nil, changed(c.file.Name())
	} else if err != nil {
		return nil, unreadable(c.file.Name(), err)
	}
	return &orchestratorv1.UploadAssetRequest_Data{
		Offset: offset, Data: data, Crc32C: crc32.Checksum(data, castagnoli),
	}, nil
}

// upload is one upload under one id, over as many streams as it takes.
type upload struct {
	client  *Client
	content *content
	onBytes func(done, total int64)
	id      string
	started bool
	damaged int   // how often the server did not get what was sent
	sent    int64 // the furthest that a stream has got
}

func (u *upload) run(ctx context.Context) (*orchestratorv1.Asset, error) {
	for {
		sentBefore := u.sent
		var asset *orchestratorv1.Asset
		err := persist(ctx, u.client.patience, func() (err error) {
			asset, err = u.tryOnce(ctx)
			return err
		})
		// Patience counts from the last progress, not from the start of a long upload.
		if isUnavailable(err) && u.sent > sentBefore {
			continue
		}
		return asset, err
	}
}

func (u *upload) tryOnce(ctx context.Context) (*orchestratorv1.Asset, error) {
	var committed int64
	if u.started {
		found, err := call(ctx, u.client, u.client.assets.GetUpload, &orchestratorv1.GetUploadRequest{UploadId: u.id})
		if err != nil && !errors.Is(err, CodeNotFound) {
			return nil, err
		}
		if found.GetAsset() != nil {
			return found.GetAsset(), nil
		}
		committed = found.GetCommittedBytes()
	}
	asset, err := u.send(ctx, committed)
	if errors.Is(err, CodeDataLoss) || errors.Is(err, CodeOutOfRange) || errors.Is(err, CodeAborted) {
		return nil, u.damage(err)
	}
	return asset, err
}

// damage makes what the server did not get right a reason to go on, a few times.
func (u *upload) damage(err error) error {
	if changed := u.content.checkUnchanged(); changed != nil {
		return changed
	}
	var failure *Error
	if u.damaged++; u.damaged > mostDamaged || !errors.As(err, &failure) {
		return err
	}
	again := *failure
	again.Code = CodeUnavailable
	return &again
}

// send opens a stream that goes on at an offset, and returns the server's answer.
func (u *upload) send(ctx context.Context, offset int64) (*orchestratorv1.Asset, error) {
	callCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(writeTimeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	u.started = true
	stream, err := u.client.assets.UploadAsset(callCtx)
	if err != nil {
		return nil, u.failure(ctx, callCtx, err, nil)
	}
	if err = u.write(stream, stalled, offset); err != nil && err != io.EOF {
		return nil, u.failure(ctx, callCtx, err, nil)
	}
	// After io.EOF the server has answered before the end: with the asset that it knows already, or with an error.
	// Otherwise it verifies the whole before it answers, which takes a while for many GiB.
	stalled.Stop()
	response, err := stream.CloseAndRecv()
	if err != nil {
		return nil, u.failure(ctx, callCtx, err, stream.Trailer())
	}
	if response.GetAsset() == nil {
		return nil, brokenStream("STREAM_CUT", "%s ended the upload without an asset.", u.client.server)
	}
	return response.GetAsset(), nil
}

func (u *upload) write(stream uploadCall, stalled *time.Timer, offset int64) error {
	send := func(request *orchestratorv1.UploadAssetRequest) error {
		stalled.Reset(writeTimeout)
		return stream.Send(request)
	}
	if err := send(u.startAt(offset)); err != nil {
		return err
	}
	for offset < u.content.size {
		chunk, err := u.content.chunk(offset)
		if err != nil {
			return err
		}
		err = send(&orchestratorv1.UploadAssetRequest{Message: &orchestratorv1.UploadAssetRequest_Data_{Data: chunk}})
		if err != nil {
			return err
		}
		offset += int64(len(chunk.GetData()))
		u.sent = max(u.sent, offset)
		u.onBytes(offset, u.content.size)
	}
	if err := u.content.checkUnchanged(); err != nil {
		return err
	}
	return send(&orchestratorv1.UploadAssetRequest{
		Message: &orchestratorv1.UploadAssetRequest_Finish_{Finish: &orchestratorv1.UploadAssetRequest_Finish{}},
	})
}

func (u *upload) startAt(offset int64) *orchestratorv1.UploadAssetRequest {
	fileName := []rune(filepath.Base(u.content.file.Name()))
	return &orchestratorv1.UploadAssetRequest{
		Message: &orchestratorv1.UploadAssetRequest_Start_{Start: &orchestratorv1.UploadAssetRequest_Start{
			UploadId:    u.id,
			Sha256:      u.content.sha256,
			SizeBytes:   u.content.size,
			WriteOffset: offset,
			FileName:    string(fileName[:min(len(fileName), fileNameChars)]),
		}},
	}
}

func (u *upload) failure(ctx, callCtx context.Context, err error, trailer metadata.MD) error {
	var ours *Error
	switch {
	case errors.As(err, &ours):
		return err
	case ctx.Err() == nil && context.Cause(callCtx) == errStalled:
		return brokenStream("STREAM_SILENT", "%s has not taken a chunk for %s.", u.client.server, writeTimeout)
	default:
		return u.client.errorOf(ctx, err, trailer)
	}
}

func unreadable(path string, err error) *Error {
	return localFile("FILE_UNREADABLE", path, err, "%s cannot be read: %s.", path, causeOf(err))
}

func changed(path string) *Error {
	return localFile("FILE_CHANGED", path, nil,
		"%s was changed while it was uploaded; wait until it is complete and try again.", path)
}
