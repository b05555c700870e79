package spotreel

import (
	"bytes"
	"testing"

	orchestratorv1 "github.com/spotreel/spotreel/clients/go/orchestrator/v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

func encoded(t *testing.T, chunk *orchestratorv1.ReadJobOutputResponse) []byte {
	t.Helper()
	made, err := proto.Marshal(chunk)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// pieces are what comes from the network: messages cut anywhere.
func pieces(encoded []byte) (cut mem.BufferSlice) {
	for len(encoded) > 0 {
		size := min(len(encoded), 7)
		cut, encoded = append(cut, mem.SliceBuffer(encoded[:size])), encoded[size:]
	}
	return cut
}

func TestChunksAreDecodedAsProtobufDoes(t *testing.T) {
	newer := &orchestratorv1.ReadJobOutputResponse{Offset: 3, Data: []byte("with a field of a newer server")}
	newer.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7))
	for _, chunk := range []*orchestratorv1.ReadJobOutputResponse{
		{},
		{Offset: 1 << 40, Data: []byte("moving pictures"), Crc32C: 0xdeadbeef, Attempt: 2},
		{Last: true, SizeBytes: 5, Sha256: make([]byte, 32), ContentType: "video/mp4"},
		newer,
	} {
		var decoded orchestratorv1.ReadJobOutputResponse
		if err := newChunkCodec().Unmarshal(pieces(encoded(t, chunk)), &decoded); err != nil || !proto.Equal(&decoded, chunk) {
			t.Errorf("got %v, %v, want %v", &decoded, err, chunk)
		}
	}
}

func TestWhatIsNoChunkIsRefused(t *testing.T) {
	whole := encoded(t, &orchestratorv1.ReadJobOutputResponse{Offset: 1, Data: []byte("moving pictures")})
	for _, bad := range [][]byte{whole[:len(whole)-1], {0xff}, protowire.AppendTag(nil, 6, protowire.BytesType)} {
		if err := decodeChunk(bad, &orchestratorv1.ReadJobOutputResponse{}); err == nil {
			t.Errorf("%x was taken", bad)
		}
	}
}

// TestAKeptChunkStays: it may be on its way to the disk while bad ones come and are asked for again.
func TestAKeptChunkStays(t *testing.T) {
	codec := newChunkCodec()
	decode := func(data string) []byte {
		var chunk orchestratorv1.ReadJobOutputResponse
		if err := codec.Unmarshal(pieces(encoded(t, &orchestratorv1.ReadJobOutputResponse{Data: []byte(data)})), &chunk); err != nil {
			t.Fatal(err)
		}
		return chunk.GetData()
	}
	kept := decode("first")
	codec.keep()
	decode("a bad one")
	decode("another")
	second := decode("second")
	if !bytes.Equal(kept, []byte("first")) || !bytes.Equal(second, []byte("second")) {
		t.Errorf("%q, %q", kept, second)
	}
	codec.keep()
	decode("third")
	if !bytes.Equal(second, []byte("second")) {
		t.Errorf("%q", second)
	}
}
