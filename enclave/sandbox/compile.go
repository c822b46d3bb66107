package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/darkroom-project/darkroom/enclave"
)

// compile rewrites a module, so that it can be stopped, and compiles it.
func (s *Sandbox) compile(ctx context.Context, module *enclave.Module) (code wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil { // a compiler's panic on hostile bytes must not be the server's
			err = invalid(fmt.Errorf("the compiler panicked: %v", r))
		}
	}()
	began := time.Now()
	rewritten, err := checkEveryCall(module.Bytes)
	if err != nil {
		return nil, invalid(err)
	}
	code, err = s.runtime.CompileModule(ctx, rewritten)
	if err != nil {
		return nil, invalid(err)
	}
	if err := s.fits(code); err != nil {
		_ = code.Close(ctx) // it never fails, and the reason is err
		return nil, err
	}
	s.log.DebugContext(ctx, "module compiled", slog.String("module", module.Digest.String()), slog.Duration("took", time.Since(began)))
	return code, nil
}

// fits checks what the compiler leaves to the linker: that each import is one that the sandbox offers, of the same type, and that
// the least memory is within the limit.
func (s *Sandbox) fits(code wazero.CompiledModule) error {
	for _, f := range code.ImportedFunctions() {
		from, name, _ := f.Import()
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
