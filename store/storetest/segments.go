package storetest

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

func segmentChecks() []Check {
	return []Check{
		check("segments/are kept and deleted", segmentLife),
		check("segments/an id is used once", segmentConflict),
		check("segments/are renamed", segmentNames),
		check("segments/are listed in pages", segmentPages),
		check("segments/are joined and left", segmentMembers),
	}
}

func (f *fixture) segment(id, name string) automation.Segment {
	s := automation.Segment{ID: id, Name: name, CreatedAt: f.moment()}
	f.must("insert segment", f.store.InsertSegment(f.ctx, s))
	return s
}

func (f *fixture) findSegment(id string) automation.Segment {
	s, err := f.store.FindSegment(f.ctx, id)
	f.must("find segment", err)
	return s
}

func segmentText(s automation.Segment) string {
	return fmt.Sprintf("%q %q %s", s.ID, s.Name, s.CreatedAt)
}

func segmentLife(f *fixture) {
	ours, theirs := f.segment(f.id(), "Grüße \"1\""), f.segment("vip/ä", "VIPs")
	for _, s := range []automation.Segment{ours, theirs} {
		f.equal("segment", segmentText(f.findSegment(s.ID)), segmentText(s))
	}
	f.must("delete", f.store.DeleteSegment(f.ctx, ours.ID))
	_, err := f.store.FindSegment(f.ctx, ours.ID)
	f.refused("find after delete", err, automation.ErrNotFound)
	f.refused("delete after delete", f.store.DeleteSegment(f.ctx, ours.ID), automation.ErrNotFound)
	_, err = f.store.FindSegment(f.ctx, "VIPs")
	f.refused("find by name", err, automation.ErrNotFound)
	f.equal("the other segment", segmentText(f.findSegment(theirs.ID)), segmentText(theirs))
}

func segmentConflict(f *fixture) {
	s := f.segment(f.id(), "VIPs")
	again := automation.Segment{ID: s.ID, Name: "Others", CreatedAt: at(9)}
	f.refused("the same id", f.store.InsertSegment(f.ctx, again), automation.ErrConflict)
	f.equal("the first one", segmentText(f.findSegment(s.ID)), segmentText(s))
	f.segment(f.id(), "VIPs")
}

func segmentNames(f *fixture) {
	ours, theirs := f.segment(f.id(), "VIPs"), f.segment(f.id(), "VIPs")
	ours.Name = "Grüße \"2\""
	renamed, err := f.store.RenameSegment(f.ctx, ours.ID, ours.Name)
	f.must("rename", err)
	f.equal("segment that was returned", segmentText(renamed), segmentText(ours))
	for _, s := range []automation.Segment{ours, theirs} {
		f.equal("segment", segmentText(f.findSegment(s.ID)), segmentText(s))
	}
	_, err = f.store.RenameSegment(f.ctx, f.id(), "VIPs")
	f.refused("rename of none", err, automation.ErrNotFound)
}

func segmentPages(f *fixture) {
	var newest []string
	add := func() string { return f.segment(f.id(), "VIPs").ID }
	for range 5 {
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, func(q automation.PageQuery) (ids []string, more bool, err error) {
		p, err := f.store.ListSegments(f.ctx, q)
		for _, s := range p.Data {
			ids = append(ids, s.ID)
			f.equal("listed segment", segmentText(s), segmentText(f.findSegment(s.ID)))
		}
		return ids, p.HasMore, err
	}, add)
}

func segmentMembers(f *fixture) {
	id := f.contact("ada@example.com")
	want := f.findContact(automation.ContactRef{ID: id})
	for _, change := range []automation.ContactChange{
		{AddSegments: []string{"a", "b", "c"}},
		{RemoveSegments: []string{"a", "never joined"}},
		{AddSegments: []string{"d", "b"}, RemoveSegments: []string{"b"}},
		{AddSegments: []string{"a"}},
	} {
		change.Apply(&want)
		got, err := f.store.UpdateContact(f.ctx, id, change)
		f.must("change", err)
		f.equal("contact that was returned", contactText(got), contactText(want))
		f.equal("contact", contactText(f.findContact(automation.ContactRef{ID: id})), contactText(want))
		for _, segment := range []string{"a", "b", "c", "d", "never joined"} {
			var members []string
			for _, in := range want.Segments {
				if in == segment {
					members = []string{id}
				}
			}
			f.shown(f.contacts(segment), automation.PageQuery{Limit: 10}, members, false)
		}
	}
}
