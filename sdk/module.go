package sdk

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Module is WebAssembly with its manifest.
type Module struct {
	Digest   string // SHA-256 of its bytes: its name
	Owner    string
	Manifest json.RawMessage
	HasCode  bool // a manifest alone has none
	Size     int64
	Created  time.Time
}

// UploadModule sends a module. The same bytes twice are one module.
func (c *Client) UploadModule(ctx context.Context, module io.Reader) (Module, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.modules.UploadModule(ctx)
	if err != nil {
		return Module{}, received(err)
	}
	if err := pump(module, func(chunk []byte) error { return stream.Send(&darkroomv1.UploadModuleRequest{Chunk: chunk}) }, nil); err != nil {
		return Module{}, err
	}
	r, err := stream.CloseAndRecv()
	return toModule(r.GetModule()), received(err)
}

// GetModule returns what is known of a module.
func (c *Client) GetModule(ctx context.Context, digest string) (Module, error) {
	r, err := c.modules.GetModule(ctx, &darkroomv1.GetModuleRequest{Name: in("modules", digest)})
	return toModule(r.GetModule()), received(err)
}

// ListModules iterates over the modules that the caller may see, newest first.
func (c *Client) ListModules(ctx context.Context) iter.Seq2[Module, error] {
	return pages(func(token string) ([]Module, string, error) {
		r, err := c.modules.ListModules(ctx, &darkroomv1.ListModulesRequest{PageToken: token})
		return each(r.GetModules(), toModule), r.GetNextPageToken(), err
	})
}

func toModule(m *darkroomv1.Module) Module {
	return Module{
		Digest: last(m.GetName()), Owner: m.GetOwner(), Manifest: json.RawMessage(m.GetManifestJson()),
		HasCode: m.GetHasCode(), Size: m.GetSize(), Created: at(m.GetCreateTime()),
	}
}
