package dashboard

import (
	"context"
	"net/http"
)

// part is what one read of a page found. If the read failed, Failure is the reason, and the
// page shows it in place of the part. The other parts are shown all the same.
type part[T any] struct {
	Data    T
	Failure string
}

// read reads one part of a page, for Options.Timeout at most.
func read[T any](x *exchange, from func(context.Context) (T, error)) part[T] {
	ctx, cancel := x.reading()
	defer cancel()
	data, err := from(ctx)
	if err == nil {
		return part[T]{Data: data}
	}
	f := x.refusalOf(err)
	if f.status >= http.StatusInternalServerError {
		x.opts.Logger.Error("dashboard: part of a page failed", "path", x.r.URL.Path, "error", err)
	}
	return part[T]{Failure: f.Error()}
}

// reading returns the context of a read, which Options.Timeout bounds.
func (x *exchange) reading() (context.Context, context.CancelFunc) {
	return context.WithTimeout(x.ctx, x.opts.Timeout)
}
