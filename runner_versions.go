package automation

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// AutomationVersion is one version of an automation: what it does. Its name and its status
// have no versions.
type AutomationVersion struct {
	AutomationID string
	Version      int
	// Name is the name that the automation has now. It is empty if the automation was
	// deleted.
	Name string
	// Current reports whether new runs start with this version.
	Current bool
	// CreatedAt is when this version was made. It is zero for a version that a release
	// made which did not record the time.
	CreatedAt time.Time
	// Author is who made this version: the actor of WithActor, or "" if it is unknown.
	Author string
	// Steps, Connections, Retry, Entry and Exit are as in Automation. The config of a custom step is a
	// RawConfig. ListVersions leaves these fields empty.
	Steps       []Step
	Connections []Connection
	Retry       RetryPolicy
	Entry       *Entry
	Exit        *Exit
}

func (v AutomationVersion) cursor() string { return strconv.Itoa(v.Version) }

// GetAutomationVersion returns an automation as it was in one version, such as the version
// of a run. It needs no Registry and does not validate the graph, so it returns versions
// with steps that this process does not know or would refuse. To bring a version back, give
// its Steps, Connections, Retry, Entry and Exit to UpdateAutomation, which validates them.
//
// The store keeps the newest versions, KeptVersions of them, and older ones while they have
// runs. Of a deleted automation it keeps the versions that have runs. GetAutomationVersion
// fails with ErrNotFound for any other version.
func (r *Runner) GetAutomationVersion(ctx context.Context, id string, version int) (AutomationVersion, error) {
	if version < 1 || version > math.MaxInt32 {
		return AutomationVersion{}, fmt.Errorf("automation: version %d of automation %s: %w", version, jsondoc.Quote(id), ErrNotFound)
	}
	rec, err := r.store.FindAutomationVersion(ctx, VersionRef{id, version})
	if err != nil {
		return AutomationVersion{}, fmt.Errorf("automation: %w", err)
	}
	a, err := decodeDefinition(rec.Definition, nil)
	if err != nil { // not wrapped: a *ValidationError would blame the caller's input
		return AutomationVersion{}, fmt.Errorf("automation: %q, version %d as stored: %v", id, version, err)
	}
	v := rec.version()
	v.Steps, v.Connections, v.Retry, v.Entry, v.Exit = a.Steps, a.Connections, a.Retry, a.Entry, a.Exit
	return v, nil
}

// ListVersions lists the versions of an automation, newest first, without their graphs and
// policies. It lists those that GetAutomationVersion can return. The cursor of a page is
// the number of a version in decimal. That version may be gone since.
//
// ListVersions fails with a *ValidationError if the page is invalid, and with ErrNotFound
// if the store keeps no version of the automation or the cursor is no number of a version.
func (r *Runner) ListVersions(ctx context.Context, id string, q PageQuery) (Page[AutomationVersion], error) {
	if err := q.Check(); err != nil {
		return Page[AutomationVersion]{}, err
	}
	recs, err := r.store.ListAutomationVersions(ctx, id, q)
	if err != nil {
		return Page[AutomationVersion]{}, fmt.Errorf("automation: list versions: %w", err)
	}
	page := Page[AutomationVersion]{HasMore: recs.HasMore, Data: make([]AutomationVersion, len(recs.Data))}
	for i, rec := range recs.Data {
		page.Data[i] = rec.version()
	}
	return page, nil
}

// version returns the version without its graph and its policy.
func (rec VersionRecord) version() AutomationVersion {
	return AutomationVersion{
		AutomationID: rec.AutomationID, Version: rec.Version, Name: rec.Name,
		Current: rec.Current, CreatedAt: rec.CreatedAt, Author: rec.Author,
	}
}

type actorKey struct{}

// maxActor is the most bytes of an actor.
const maxActor = 255

// WithActor returns a context for calls that a person or a program makes through the
// application: its name, such as an email address, becomes the Author of the versions that
// CreateAutomation, UpdateAutomation, DuplicateAutomation and Apply make. The name is
// recorded as it is given, without control characters and cut to 255 bytes. "" means that
// the actor is unknown.
//
// An author is personal data if it names a person, and stays as long as the version does.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, cleanActor(name))
}

// ActorFrom returns the name that WithActor has put into ctx, or "".
func ActorFrom(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// cleanActor returns a text that every store can keep.
func cleanActor(name string) string {
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(name, string(utf8.RuneError)))
	if len(name) > maxActor {
		name = strings.ToValidUTF8(name[:maxActor], "")
	}
	return name
}
