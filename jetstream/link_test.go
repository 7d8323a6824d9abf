package jetstream_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// link is a network between a caller and a server: a TCP proxy that can be cut. A cut link loses
// nothing and delivers nothing: connections fall silent, as when a cable is pulled, and what was
// sent arrives once the link is mended.
type link struct {
	listener net.Listener
	target   string

	mu     sync.Mutex
	mended chan struct{} // closed unless the link is cut
}

// newLink returns a link to an address.
func newLink(t *testing.T, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{listener: listener, target: target, mended: make(chan struct{})}
	close(l.mended)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { l.serve(ctx, &serving) })
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		serving.Wait()
	})
	return l
}

// address is where callers connect.
func (l *link) address() string { return l.listener.Addr().String() }

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mended = make(chan struct{})
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.mended)
}

// passes waits until the link is not cut. It returns false if ctx ends before.
func (l *link) passes(ctx context.Context) bool {
	l.mu.Lock()
	mended := l.mended
	l.mu.Unlock()
	select {
	case <-mended:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (l *link) serve(ctx context.Context, serving *sync.WaitGroup) {
	for {
		caller, err := l.listener.Accept()
		if err != nil {
			return
		}
		serving.Go(func() { l.connect(ctx, caller) })
	}
}

// connect copies in both directions until either side closes.
func (l *link) connect(ctx context.Context, caller net.Conn) {
	defer caller.Close()
	if !l.passes(ctx) {
		return
	}
	server, err := net.Dial("tcp", l.target)
	if err != nil {
		return
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, func() { _ = caller.Close(); _ = server.Close() })()
	var copying sync.WaitGroup
	copying.Go(func() { defer cancel(); l.copy(ctx, server, caller) })
	copying.Go(func() { defer cancel(); l.copy(ctx, caller, server) })
	copying.Wait()
}

func (l *link) copy(ctx context.Context, to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || !l.passes(ctx) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
