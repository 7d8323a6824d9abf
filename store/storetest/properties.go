package storetest

import (
	"encoding/json"
	"fmt"

	"github.com/seed-b636437c/automation"
)

func propertyChecks() []Check {
	return []Check{
		check("properties/are kept, changed and deleted", propertyLife),
		check("properties/a key and an id are used once", propertyConflict),
		check("properties/are listed in pages", propertyPages),
	}
}

// property inserts a definition, of a string unless the fallback is a json.Number.
func (f *fixture) property(key string, fallback any) automation.ContactProperty {
	p := automation.ContactProperty{ID: f.id(), Key: key, Type: automation.PropertyString, Fallback: fallback, CreatedAt: f.moment()}
	if _, ok := fallback.(json.Number); ok {
		p.Type = automation.PropertyNumber
	}
	f.must("insert property", f.store.InsertContactProperty(f.ctx, p))
	return p
}

func (f *fixture) findProperty(idOrKey string) automation.ContactProperty {
	p, err := f.store.FindContactProperty(f.ctx, idOrKey)
	f.must("find property", err)
	return p
}

func (f *fixture) properties() string {
	p, err := f.store.ListContactProperties(f.ctx, firstPage)
	f.must("list properties", err)
	var text string
	for i := range p.Data {
		text += propertyText(p.Data[i])
	}
	return text
}

func propertyText(p automation.ContactProperty) string {
	return fmt.Sprintf("%q %q %s %T %q %s", p.ID, p.Key, p.Type, p.Fallback, fmt.Sprint(p.Fallback), p.CreatedAt)
}

func propertyLife(f *fixture) {
	plan := f.property("plan", "Grüße \"1\"")
	seats := f.property("seats", json.Number("12345678901234567890.50"))
	bare, empty := f.property("Plan", nil), f.property("empty", "")
	for _, p := range []automation.ContactProperty{plan, seats, bare, empty} {
		f.equal("by id", propertyText(f.findProperty(p.ID)), propertyText(p))
		f.equal("by key", propertyText(f.findProperty(p.Key)), propertyText(p))
	}
	change := automation.ContactProperty{ID: plan.ID, Key: "ignored", Type: automation.PropertyNumber, Fallback: "free", CreatedAt: at(60)}
	for _, fallback := range []any{"free", nil, ""} {
		change.Fallback, plan.Fallback = fallback, fallback
		f.must("update", f.store.UpdateContactProperty(f.ctx, change))
		f.equal("after the update", propertyText(f.findProperty(plan.Key)), propertyText(plan))
	}
	f.must("delete", f.store.DeleteContactProperty(f.ctx, plan.ID))
	for _, idOrKey := range []string{plan.ID, plan.Key, missing} {
		_, err := f.store.FindContactProperty(f.ctx, idOrKey)
		f.refused("find after delete", err, automation.ErrNotFound)
	}
	f.refused("update after delete", f.store.UpdateContactProperty(f.ctx, change), automation.ErrNotFound)
	f.refused("delete after delete", f.store.DeleteContactProperty(f.ctx, plan.ID), automation.ErrNotFound)
	f.refused("delete by key", f.store.DeleteContactProperty(f.ctx, seats.Key), automation.ErrNotFound)
	f.equal("another one", propertyText(f.findProperty(seats.ID)), propertyText(seats))
	f.property(plan.Key, nil)
}

func propertyConflict(f *fixture) {
	p := f.property("plan", "free")
	for what, again := range map[string]automation.ContactProperty{
		"the same key": {ID: f.id(), Key: p.Key, Type: automation.PropertyNumber},
		"the same id":  {ID: p.ID, Key: "other", Type: automation.PropertyNumber},
	} {
		f.refused(what, f.store.InsertContactProperty(f.ctx, again), automation.ErrConflict)
	}
	f.equal("definitions", f.properties(), propertyText(p))
}

func propertyPages(f *fixture) {
	var newest []string
	add := func() string { return f.property(fmt.Sprintf("key_%d", f.made), nil).ID }
	for range 5 {
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, func(q automation.PageQuery) (ids []string, more bool, err error) {
		p, err := f.store.ListContactProperties(f.ctx, q)
		for i := range p.Data {
			ids = append(ids, p.Data[i].ID)
			f.equal("listed property", propertyText(p.Data[i]), propertyText(f.findProperty(p.Data[i].ID)))
		}
		return ids, p.HasMore, err
	}, add)
}
