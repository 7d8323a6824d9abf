package dashboard

import (
	"cmp"
	"context"
	"errors"
	"html/template"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// runPage is the page of one run.
type runPage struct {
	ID, AutomationID, Automation string
	ContactID, Contact, EventID  string
	Status                       string
	Version                      int
	Started, Ended, Due          moment
	Waits                        runWaits
	Trouble                      *runTrouble
	Exit                         *exitView
	Drawing                      template.HTML
	Steps                        []pathStep
	Step                         *stepFacts // the chosen one
	Bars                         []bar
	Event                        part[runEvent]
	CanRetry, CanCancel          bool
}

// runTrouble is why a run failed, was cancelled or does not go on.
type runTrouble struct {
	Heading, Step, Code, Message string
	Mild                         bool     // nothing is wrong
	By                           *runLink // the run that replaced this one
}

// runEvent is the event that started a run.
type runEvent struct {
	ID, Name, Payload string
	At                moment
	Gone              bool
}

// pathStep is a step in the list of all steps.
type pathStep struct {
	Key, Type, Status, About, Branch string
	Link                             template.URL
	Chosen                           bool
}

// run shows one run. It makes four calls of the store: for the run, its contact, its version
// and its event. The copy of an email is not in the store. The Runner makes one more for large outputs, and one for the first run of a
// version that it reads.
func (x *exchange) run() error {
	run, err := x.findRun()
	if err != nil {
		return err
	}
	key, step := x.chosenStep(run)
	if step == nil && x.r.URL.Query().Get("step") != "" {
		return notFound("step in this run")
	}
	body := x.runPage(run)
	a := x.versionOf(run)
	body.Automation, body.Waits = cmp.Or(a.Name, run.AutomationID), waitsOf(run, a)
	body.Event = read(x, func(ctx context.Context) (runEvent, error) { return x.runEvent(ctx, run) })
	steps := map[string]automation.Step{}
	for _, s := range a.Steps {
		steps[s.Key] = s
	}
	body.Drawing = x.drawRun(a, run, key)
	body.Steps = x.pathSteps(run, key, steps)
	if step != nil {
		body.Step = x.stepFacts(*step, steps[key], body.Contact)
		body.Step.omitRepeated(body.Trouble)
		x.addEmail(body.Step, run, *step)
	}
	return x.show("run", page{Title: "Run of " + body.Contact, Section: "Runs", Body: body, Live: true})
}

// findRun returns the run of the path.
func (x *exchange) findRun() (automation.Run, error) {
	ctx, cancel := x.reading()
	defer cancel()
	run, err := x.runner.GetRun(ctx, x.r.PathValue("run"))
	if err == nil && run.AutomationID != x.r.PathValue("id") {
		err = automation.ErrNotFound
	}
	return run, named(err, "run")
}

// chosenStep returns the step that the query chooses: by default the one at which the run
// is, or ended. It returns nil if the run has no such step.
func (x *exchange) chosenStep(run automation.Run) (string, *automation.StepRun) {
	key := x.r.URL.Query().Get("step")
	if key == "" {
		key = run.Step
	}
	return key, stepOf(run, key)
}

func (x *exchange) runPage(run automation.Run) runPage {
	body := runPage{
		ID: run.ID, AutomationID: run.AutomationID, ContactID: run.ContactID, EventID: run.EventID, Version: run.Version,
		Status:  string(run.Status),
		Started: x.moment(run.StartedAt), Ended: x.moment(run.CompletedAt), Due: x.moment(run.DueAt),
		Trouble: troubleOf(run), Exit: x.exitOf(run), Bars: x.bars(run),
		CanRetry: run.Status == automation.RunFailed, CanCancel: run.Status == automation.RunRunning,
	}
	if body.Trouble != nil {
		body.Trouble.By = x.replacementOf(run)
	}
	body.Contact = x.contactNames(x.ctx, []automation.Run{run})[run.ContactID]
	return body
}

// versionOf returns the automation of a run as it was in the version of the run, with the
// name that it has now. It is empty if it cannot be read: the page then has neither the name,
// nor a drawing, nor configs.
func (x *exchange) versionOf(run automation.Run) automation.Automation {
	v := read(x, func(ctx context.Context) (automation.AutomationVersion, error) {
		return x.runner.GetAutomationVersion(ctx, run.AutomationID, run.Version)
	}).Data
	return automation.Automation{Name: v.Name, Steps: v.Steps, Connections: v.Connections, Exit: v.Exit}
}

// runEvent returns the event that started a run. Prune may have removed it.
func (x *exchange) runEvent(ctx context.Context, run automation.Run) (runEvent, error) {
	e, err := x.runner.GetEvent(ctx, run.EventID)
	if errors.Is(err, automation.ErrNotFound) {
		return runEvent{ID: run.EventID, Name: run.EventName, Gone: true}, nil
	}
	return runEvent{ID: e.ID, Name: e.Name, At: x.moment(e.AcceptedAt), Payload: x.redactedText(fieldOfEvent, e.Payload)}, err
}

func troubleOf(run automation.Run) *runTrouble {
	if run.Error == nil {
		return nil
	}
	t := &runTrouble{Heading: "Failed", Step: run.Step, Code: string(run.Error.Code), Message: run.Error.Message}
	switch run.Status {
	case automation.RunCancelled:
		t.Heading, t.Mild = "Cancelled", true
	case automation.RunRunning:
		t.Heading = "Cannot go on"
	}
	return t
}

// drawRun returns the drawing of a run over its version, or "" if the version is not known.
func (x *exchange) drawRun(version automation.Automation, run automation.Run, chosen string) template.HTML {
	if len(version.Steps) == 0 {
		return ""
	}
	svg := diagram.SVG(version, diagram.Options{
		Run: &run, Selected: chosen, Embedded: true,
		Link: func(key string) string { return string(x.stepLink(run, key)) },
	})
	return embedded(svg)
}

// pathSteps returns all steps of a run in the order of the graph.
func (x *exchange) pathSteps(run automation.Run, chosen string, definitions map[string]automation.Step) (steps []pathStep) {
	for _, s := range run.Steps {
		step := pathStep{
			Key: s.Key, Type: typeName(s.Type), Status: string(s.Status), Branch: takenWord(s.Branch),
			Link: x.stepLink(run, s.Key), Chosen: s.Key == chosen,
		}
		if definition, ok := definitions[s.Key]; ok {
			step.Type, step.About = diagram.Describe(definition)
		}
		steps = append(steps, step)
	}
	return steps
}

// stepLink returns the link to a step of a run. On a phone, the step is below the path.
func (x *exchange) stepLink(run automation.Run, key string) template.URL {
	return x.to.With(x.to.To("a", run.AutomationID, "runs", run.ID), "step", key) + "#step"
}

// runLink returns the link to the run of the path.
func (x *exchange) runLink() template.URL {
	return x.to.To("a", x.r.PathValue("id"), "runs", x.r.PathValue("run"))
}
