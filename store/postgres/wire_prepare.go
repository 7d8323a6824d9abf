package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// preparedStatements are the statements that the session of a connection has prepared. A script
// with new ones, for which there is no room, replaces all.
type preparedStatements struct {
	schema   string
	types    *pgtype.Map
	capacity int
	bySQL    map[string]*preparedStatement // by the text that this package has
}

// preparedStatement is a statement that a session has prepared.
type preparedStatement struct {
	pgconn.StatementDescription
	formats []int16 // of its columns
}

// find appends the statements of a script to plan. It prepares those that are missing, all
// in one round trip.
func (ps *preparedStatements) find(ctx context.Context, pg *pgconn.PgConn, sc script, plan []*preparedStatement) ([]*preparedStatement, error) {
	if missing := ps.missing(sc); len(missing) > 0 {
		var dropped []string
		if len(ps.bySQL)+len(missing) > ps.capacity {
			for _, st := range ps.bySQL {
				dropped = append(dropped, st.Name)
			}
			clear(ps.bySQL)
			missing = ps.missing(sc)
		}
		if err := ps.replace(pg.StartPipeline(ctx), dropped, missing); err != nil {
			return plan, fmt.Errorf("preparing statements: %w", err)
		}
	}
	for i := range sc {
		plan = append(plan, ps.bySQL[sc[i].sql])
	}
	return plan, nil
}

// missing returns the statements of a script that are not prepared.
func (ps *preparedStatements) missing(sc script) (missing []string) {
	for i := range sc {
		if sql := sc[i].sql; ps.bySQL[sql] == nil && !slices.Contains(missing, sql) {
			missing = append(missing, sql)
		}
	}
	return missing
}

// replace drops statements by their names, and prepares others. It first drops each of these
// too, because the session may have it. Dropping a statement that does not exist is no error.
func (ps *preparedStatements) replace(p *pgconn.Pipeline, dropped, missing []string) error {
	for _, name := range dropped {
		p.SendDeallocate(name)
	}
	for _, sql := range missing {
		text := inSchema(ps.schema, sql)
		p.SendDeallocate(statementName(text))
		p.SendPrepare(statementName(text), text, nil)
	}
	err := p.Sync()
	for err == nil && len(missing) > 0 {
		var result any
		switch result, err = p.GetResults(); result := result.(type) {
		case *pgconn.StatementDescription:
			ps.add(missing[0], result)
			missing = missing[1:]
		case nil:
			if err == nil {
				err = errors.New("the server has not answered all requests")
			}
		}
	}
	if closed := p.Close(); err == nil {
		err = closed
	}
	return err
}

// add adds a statement as the server has described it, without its name and text.
func (ps *preparedStatements) add(sql string, d *pgconn.StatementDescription) {
	st := &preparedStatement{StatementDescription: *d, formats: make([]int16, len(d.Fields))}
	st.SQL = inSchema(ps.schema, sql)
	st.Name = statementName(st.SQL)
	for i := range d.Fields {
		st.formats[i] = columnFormat(ps.types, d.Fields[i].DataTypeOID)
	}
	ps.bySQL[sql] = st
}

// statementName returns a name that depends on the text alone. So no statement is taken for
// another one in a session that processes share.
func statementName(text string) string {
	digest := sha256.Sum256([]byte(text))
	return "automation_" + hex.EncodeToString(digest[:24])
}
