package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// keepDamaged keeps a copy of a message that cannot be decoded, under a subject of its own, until
// an operator removes it. What belongs to other contacts goes on.
func (p *partition) keepDamaged(ctx context.Context, subject string, seq uint64, data []byte, cause error) error {
	p.config.Logger.Error("jetstream: a message cannot be decoded, and is kept for an operator",
		"partition", p.number, "subject", subject, "sequence", seq, "kept", p.names.damaged(p.number, subject, seq), "error", cause)
	return p.retry(ctx, "damaged message", func() error {
		copied := expect(nats.NewMsg(p.names.damaged(p.number, subject, seq)), 0)
		copied.Data = data
		_, err := p.publishAll(ctx, []*nats.Msg{copied})
		if errors.Is(err, errRefused) {
			return nil // an earlier owner has kept it
		}
		return err
	})
}

// damaged is the subject of a copy of a message that cannot be decoded.
func (n names) damaged(p int, subject string, seq uint64) string {
	return fmt.Sprintf("%s.damaged.%d.%s-%d", n.prefix, p, lastToken(subject), seq)
}
