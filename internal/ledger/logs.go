package ledger

import (
	"context"
	"log/slog"

	"k8s.io/klog/v2"
)

// RedirectLogs sends what tessera logs to the given logger instead of standard error: its chatter as Debug, its warnings and errors as
// they are. tessera logs through klog, which is global and not safe to change once in use: the program calls this once, before
// [Open]. What tessera logs through slog's default logger (a few warnings) follows slog.SetDefault.
func RedirectLogs(log *slog.Logger) {
	klog.SetSlogLogger(slog.New(quiet{log.Handler()}))
}

// quiet lowers Info to Debug.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, lower(level))
}

func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	record.Level = lower(record.Level)
	return q.Handler.Handle(ctx, record)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

func lower(level slog.Level) slog.Level {
	if level <= slog.LevelInfo {
		return min(level, slog.LevelDebug)
	}
	return level
}
