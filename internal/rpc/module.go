package rpc

import (
	"bytes"
	"context"

	"google.golang.org/grpc"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/module"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// modules serves the register of modules.
type modules struct {
	darkroomv1.UnimplementedModuleServiceServer
	Config
	gate    *gate
	uploads *transfers
}

func moduleTarget(e module.Entry) target { return target{owner: e.Owner} }

func (m *modules) UploadModule(stream grpc.ClientStreamingServer[darkroomv1.UploadModuleRequest, darkroomv1.UploadModuleResponse]) error {
	who := callerOf(stream.Context())
	leave, err := m.uploads.enter(who.Org)
	if err != nil {
		return err
	}
	defer leave()
	var wasm bytes.Buffer
	next := func() ([]byte, error) {
		part, err := stream.Recv()
		return part.GetChunk(), err
	}
	if err := receive(next, &wasm, maxModule); err != nil {
		return err
	}
	entry, err := m.Modules.Upload(stream.Context(), who, wasm.Bytes())
	if err != nil {
		return err
	}
	seen, err := seenModule(entry)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&darkroomv1.UploadModuleResponse{Module: seen})
}

func (m *modules) GetModule(ctx context.Context, r *darkroomv1.GetModuleRequest) (*darkroomv1.GetModuleResponse, error) {
	digest, err := enclave.ParseDigest(last(r.GetName()))
	if err != nil {
		return nil, err
	}
	entry, err := m.Modules.Get(ctx, scope(callerOf(ctx)), digest)
	entry, err = reach(ctx, m.gate, entry, err, moduleTarget, module.NotFound(digest))
	if err != nil {
		return nil, err
	}
	seen, err := seenModule(entry)
	return &darkroomv1.GetModuleResponse{Module: seen}, err
}

func (m *modules) ListModules(ctx context.Context, r *darkroomv1.ListModulesRequest) (*darkroomv1.ListModulesResponse, error) {
	visible := m.gate.viewer(ctx, darkroomv1.ModuleService_GetModule_FullMethodName)
	list, next, err := gather(r, heavyPart,
		func(page enclave.Page) ([]module.Entry, string, error) {
			return m.Modules.List(ctx, scope(callerOf(ctx)), page)
		},
		func(e module.Entry) (*darkroomv1.Module, bool, error) {
			if ok, err := visible(moduleTarget(e)); err != nil || !ok {
				return nil, false, err
			}
			seen, err := seenModule(e)
			return seen, true, err
		})
	return &darkroomv1.ListModulesResponse{Modules: list, NextPageToken: next}, err
}
