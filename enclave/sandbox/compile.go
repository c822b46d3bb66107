package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
)

// Compile reports whether a module's code is valid and fits the sandbox, with MODULE_INVALID, MODULE_COMPILE, MODULE_MEMORY or a
// reason of [meter.Rewrite], and keeps what it compiled for the run to come. It runs nothing of the module. A module without code always fits. It may wait for other modules
// of the same operator to be compiled.
func (s *Sandbox) Compile(ctx context.Context, operator string, module *enclave.Module) error {
	if !module.HasCode {
		return nil
	}
	code, err := s.code(ctx, operator, module)
	if err != nil {
		return err
	}
	return s.codes.release(ctx, code)
}

// code is a module's code, compiled if need be. The caller MUST release it.
func (s *Sandbox) code(ctx context.Context, operator string, module *enclave.Module) (*compiled, error) {
	return s.codes.acquire(ctx, module.Digest, func(ctx context.Context) (wazero.CompiledModule, error) {
		return s.compile(ctx, operator, module)
	})
}

// compile meters a module and compiles it: here, or in a child process whose result is then loaded.
func (s *Sandbox) compile(ctx context.Context, operator string, module *enclave.Module) (code wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil { // a compiler's panic on hostile bytes must not be the server's
			err = invalid(fmt.Errorf("the compiler panicked: %v", r))
		}
	}()
	began := time.Now()
	if s.compiler != nil {
		// One at a time for each child, from here on: a metered module is larger than the one that came.
		leave, err := s.compiler.enter(ctx, operator)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	metered, err := s.rewrite(ctx, operator, module.Bytes)
	if err != nil {
		return nil, err
	}
	if s.compiler != nil {
		if err := s.compiler.prepare(ctx, metered); err != nil {
			return nil, err
		}
	}
	code, err = s.runtime.CompileModule(ctx, metered)
	if err != nil && s.compiler != nil {
		return nil, enclave.Internalf("load the code of module %s, which a child compiled: %w", module.Digest, err)
	}
	if err != nil {
		return nil, invalid(err)
	}
	if err := s.fits(code); err != nil {
		_ = code.Close(ctx) // it never fails, and the reason is err
		if s.compiler != nil {
			s.compiler.forget(ctx, metered)
		}
		return nil, err
	}
	s.log.DebugContext(ctx, "module compiled", slog.String("module", module.Digest.String()), slog.Duration("took", time.Since(began)))
	return code, nil
}

// rewrite meters a module when it is its operator's turn.
func (s *Sandbox) rewrite(ctx context.Context, operator string, wasm []byte) ([]byte, error) {
	turn := s.config.Processor.For(operator)
	if err := turn.Take(ctx); err != nil {
		return nil, err
	}
	defer turn.Give()
	return meter.Rewrite(wasm)
}

// fits checks what the compiler leaves to the linker: that each import is one that the sandbox offers, of the same type, and that
// the least memory is within the limit.
func (s *Sandbox) fits(code wazero.CompiledModule) error {
	for _, f := range code.ImportedFunctions() {
		from, name, _ := f.Import()
		if from == meter.HostModule && name == meter.HostRefuel {
			continue // the rewriter's own
		}
		if !offers(from, name, f.ParamTypes(), f.ResultTypes()) {
			return invalid(fmt.Errorf("import %q %q is not offered with that type", from, name))
		}
	}
	memory, ok := code.ExportedMemories()[memoryName]
	if !ok || len(code.ImportedMemories()) != 0 {
		return invalid(fmt.Errorf("the module does not export a memory of its own as %q", memoryName))
	}
	if memory.Min() > s.config.MemoryPages {
		return s.outOfMemory(nil)
	}
	return nil
}
