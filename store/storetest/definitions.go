package storetest

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b636437c/automation"
)

func definitionChecks() []Check {
	return []Check{
		check("definitions/are kept, changed and deleted", definitionLife),
		check("definitions/a name is defined once", definitionConflict),
		check("definitions/are listed in pages", definitionPages),
		check("definitions/an event that was checked against another is refused", definitionChanged),
	}
}

func (f *fixture) definition(name string) automation.EventDefinition {
	f.made++
	d := automation.EventDefinition{
		ID: uuid(f.made), Name: name, Schema: json.RawMessage(`{ "z": "string", "a": "number" }`),
		CreatedAt: f.moment(), UpdatedAt: f.moment(),
	}
	f.must("insert definition", f.store.InsertEventDefinition(f.ctx, d))
	return d
}

func (f *fixture) findDefinition(idOrName string) automation.EventDefinition {
	d, err := f.store.FindEventDefinition(f.ctx, idOrName)
	f.must("find definition", err)
	return d
}

func definitionLife(f *fixture) {
	d := f.definition("user.created")
	f.definition("another")
	f.equal("by id", definitionText(f.findDefinition(d.ID)), definitionText(d))
	f.equal("by name", definitionText(f.findDefinition(d.Name)), definitionText(d))

	change := automation.EventDefinition{ID: d.ID, Name: "ignored", Schema: json.RawMessage(`{"b":"date"}`), CreatedAt: at(50), UpdatedAt: at(60)}
	f.must("update", f.store.UpdateEventDefinition(f.ctx, change))
	d.Schema, d.UpdatedAt = change.Schema, change.UpdatedAt
	f.equal("after the update", definitionText(f.findDefinition(d.ID)), definitionText(d))
	change.Schema = nil
	f.must("update", f.store.UpdateEventDefinition(f.ctx, change))
	f.equal("schema that was removed", string(f.findDefinition(d.ID).Schema), "")

	f.must("delete", f.store.DeleteEventDefinition(f.ctx, d.ID))
	for _, idOrName := range []string{d.ID, d.Name} {
		_, err := f.store.FindEventDefinition(f.ctx, idOrName)
		f.refused("find after delete", err, automation.ErrNotFound)
	}
	f.refused("update after delete", f.store.UpdateEventDefinition(f.ctx, change), automation.ErrNotFound)
	f.refused("delete after delete", f.store.DeleteEventDefinition(f.ctx, d.ID), automation.ErrNotFound)
	f.definition("user.created")
}

func definitionConflict(f *fixture) {
	d := f.definition("user.created")
	again := automation.EventDefinition{ID: f.id(), Name: d.Name, CreatedAt: at(9), UpdatedAt: at(9)}
	f.refused("the same name", f.store.InsertEventDefinition(f.ctx, again), automation.ErrConflict)
	f.equal("the first one", definitionText(f.findDefinition(d.Name)), definitionText(d))
	_, err := f.store.FindEventDefinition(f.ctx, again.ID)
	f.refused("the second one", err, automation.ErrNotFound)
	f.definition("User.Created")
}

func definitionPages(f *fixture) {
	var newest []string
	add := func() string { return f.definition(fmt.Sprintf("event %d", f.made)).ID }
	for range 5 {
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, func(q automation.PageQuery) (ids []string, more bool, err error) {
		p, err := f.store.ListEventDefinitions(f.ctx, q)
		for _, d := range p.Data {
			ids = append(ids, d.ID)
			if want := definitionText(f.findDefinition(d.ID)); err == nil {
				f.equal("listed definition", definitionText(d), want)
			}
		}
		return ids, p.HasMore, err
	}, add)
}

func definitionChanged(f *fixture) {
	c := f.contact("ada@example.com")
	send := func(schema string) error {
		bare, e := f.event("other", c, at(1)), f.event("user.created", c, at(1))
		e.Schema = schema
		_, err := f.store.AppendEvents(f.ctx, []automation.NewEvent{bare, e})
		return err
	}
	f.must("without a definition", send(""))
	d := f.definition("user.created")
	f.refused("before there was one", send(""), automation.ErrDefinitionChanged)
	f.must("with the definition", send(string(d.Schema)))
	change := automation.EventDefinition{ID: d.ID, Schema: json.RawMessage(`{"b":"date"}`), UpdatedAt: at(60)}
	f.must("update", f.store.UpdateEventDefinition(f.ctx, change))
	f.refused("before the change", send(string(d.Schema)), automation.ErrDefinitionChanged)
	f.must("after the change", send(string(change.Schema)))
	f.must("delete", f.store.DeleteEventDefinition(f.ctx, d.ID))
	f.refused("before the deletion", send(string(change.Schema)), automation.ErrDefinitionChanged)
	f.must("after the deletion", send(""))
	f.equal("events that were kept", len(f.claimOne(at(9)).Events), 8)
}
