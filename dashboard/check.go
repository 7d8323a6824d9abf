package dashboard

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/seed-b636437c/automation"
)

// checked is the answer about a draft: its drawing, and its problems.
type checked struct {
	Drawing  drawing             `json:"drawing"`
	Problems automation.Problems `json:"problems"`
	editorForms
}

// check draws and validates the draft in the body of a request.
func (x *exchange) check() error {
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		return err
	}
	var d draft
	if err := json.Unmarshal(body, &d); err != nil {
		return badInput("The draft is not a document of an automation", err.Error())
	}
	ctx, cancel := x.reading()
	defer cancel()
	valid, problems := d.decode(body)
	found, err := x.runner.ValidateAutomation(ctx, valid)
	if err != nil {
		x.opts.Logger.Warn("dashboard: a draft was not checked against events and templates", "error", err)
	}
	answer := checked{Problems: append(problems, d.known(found)...), editorForms: x.forms}
	answer.Drawing = draw(d, answer)
	if answer.Problems == nil {
		answer.Problems = automation.Problems{}
	}
	return x.json(http.StatusOK, answer)
}
