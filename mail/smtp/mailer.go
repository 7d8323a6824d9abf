package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// Mailer sends emails through one SMTP server. It is safe for concurrent use.
type Mailer struct {
	host, address string
	renderer      mail.Renderer
	opts          Options
	pool          *pool
	limiter       *rate.Limiter // nil for no limit
}

var (
	_ automation.Mailer            = (*Mailer)(nil)
	_ automation.TemplateInspector = (*Mailer)(nil)
)

// New returns a Mailer that renders with renderer and sends through the server at host,
// which is a name or an IP address. New does not connect. The error is a
// *automation.ValidationError that lists all problems of the arguments.
func New(host string, renderer mail.Renderer, opts Options) (*Mailer, error) {
	opts, err := opts.withDefaults(host, renderer)
	if err != nil {
		return nil, err
	}
	m := &Mailer{
		host:     host,
		address:  net.JoinHostPort(host, strconv.Itoa(opts.Port)),
		renderer: renderer,
		opts:     opts,
		pool:     newPool(opts),
	}
	if opts.RatePerSecond > 0 {
		m.limiter = rate.NewLimiter(rate.Limit(opts.RatePerSecond), opts.Burst)
	}
	return m, nil
}

// SendEmail implements automation.Mailer. The id is the Message-ID without its
// angle brackets. It is the same for every attempt with the same IdempotencyKey.
//
// The error matches automation.ErrPermanent if the message cannot be rendered or
// encoded, or if the server's reply begins with 5. It matches
// automation.ErrOutcomeUnknown if the message was handed over and no reply came. Every
// other error means that nothing was sent; for the sake of automation.AtMostOnce such an
// error hides the end of a context or the loss of a connection. The error is a
// *automation.RateLimitError, returned at once, if the email would have to wait for
// Options.RatePerSecond for longer than ctx has left. After Close it matches
// automation.ErrClosed.
func (m *Mailer) SendEmail(ctx context.Context, email automation.Email) (string, error) {
	o, err := m.prepare(ctx, email)
	if err != nil {
		return "", classify(fmt.Errorf("smtp: %w", err))
	}
	if err := m.send(ctx, o); err != nil {
		return "", classify(fmt.Errorf("smtp: send through %s: %w", m.address, err))
	}
	m.keep(ctx, o)
	return o.id, nil
}

// prepare renders and encodes an email.
func (m *Mailer) prepare(ctx context.Context, email automation.Email) (*outgoing, error) {
	message, err := m.renderer.RenderEmail(ctx, email)
	if err != nil {
		return nil, fmt.Errorf("render the email: %w", err)
	}
	o, err := compose(message, email.IdempotencyKey, time.Now())
	if err != nil {
		return nil, fmt.Errorf("compose the email: %w", err)
	}
	o.message = message
	return o, nil
}

func (m *Mailer) send(ctx context.Context, o *outgoing) error {
	if err := m.throttle(ctx); err != nil {
		return err
	}
	if err := m.pool.enter(ctx); err != nil {
		return err
	}
	defer m.pool.leave()
	if err := ctx.Err(); err != nil {
		return err // an ended context could lose the race against a fast server
	}
	return m.deliver(ctx, o)
}

// throttle waits until RatePerSecond allows the email.
func (m *Mailer) throttle(ctx context.Context) error {
	if m.limiter == nil {
		return nil
	}
	turn := m.limiter.Reserve()
	wait := turn.Delay()
	if wait == 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		turn.Cancel()
		return &automation.RateLimitError{After: wait, Err: fmt.Errorf("more than %v emails a second", m.opts.RatePerSecond)}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-m.pool.done:
		return automation.ErrClosed
	case <-ctx.Done():
		turn.Cancel()
		return fmt.Errorf("wait for the rate limit: %w", ctx.Err())
	}
}

// deliver uses an open connection, and a new one if there is none or if the open one is
// gone: a server may close a connection at any time.
func (m *Mailer) deliver(ctx context.Context, o *outgoing) error {
	if c := m.pool.take(); c != nil {
		err := m.deliverOn(ctx, c, o)
		if !c.outworn() || ctx.Err() != nil {
			return err
		}
	}
	c, err := m.connect(ctx)
	if err != nil {
		return err
	}
	return m.deliverOn(ctx, c, o)
}

// deliverOn gives the connection back when it is done.
func (m *Mailer) deliverOn(ctx context.Context, c *connection, o *outgoing) error {
	defer func() { m.pool.put(c) }()
	if o.utf8 && !c.supportsUTF8() {
		return automation.Permanent(errors.New("an address has letters beyond ASCII before its @, and the server does not offer SMTPUTF8"))
	}
	return c.deliver(ctx, o)
}

// InspectTemplate implements automation.TemplateInspector by calling the renderer.
// The error wraps errors.ErrUnsupported if the renderer is not a TemplateInspector.
func (m *Mailer) InspectTemplate(ctx context.Context, id string) (automation.TemplateInfo, error) {
	inspector, ok := m.renderer.(automation.TemplateInspector)
	if !ok {
		return automation.TemplateInfo{}, fmt.Errorf("smtp: inspect template %q: the renderer cannot: %w", id, errors.ErrUnsupported)
	}
	return inspector.InspectTemplate(ctx, id)
}

// Close refuses further emails, waits for the emails in flight, and closes the
// connections. It may be called more than once. It always returns nil.
func (m *Mailer) Close() error {
	m.pool.close()
	return nil
}
