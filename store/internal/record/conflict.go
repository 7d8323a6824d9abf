package record

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

// Conflict returns an error that wraps automation.ErrConflict.
func Conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, automation.ErrConflict)...)
}

// AutomationExists is for an insert under an id that an automation has.
func AutomationExists(id string) error { return Conflict("automation %q exists already", id) }

// AutomationHasRuns is for an insert under the id of a deleted automation whose runs
// are kept.
func AutomationHasRuns(id string) error {
	return Conflict("automation %q was deleted and runs of it are kept: prune them first, or use another id", id)
}

// AutomationChanged is for an update a of an automation that is at another revision
// than the one before a's.
func AutomationChanged(a *automation.AutomationRecord, revision int) error {
	return &automation.RevisionError{AutomationID: a.ID, Current: revision, Given: a.Revision - 1}
}

// AutomationDisabled is for a new run of an automation that is disabled or deleted.
func AutomationDisabled(id string) error {
	return Conflict("automation %q is not enabled any more", id)
}

// VersionPruned is for a new run of a version that was pruned.
func VersionPruned(v automation.VersionRef) error {
	return Conflict("version %d of automation %q is not in use any more", v.Version, v.AutomationID)
}

// ContactExists is for a new contact whose id was used before.
func ContactExists(id string) error {
	return Conflict("contact %q exists already, or has existed", id)
}

// EmailTaken is for a new contact whose email belongs to a contact.
func EmailTaken(email string) error { return Conflict("email %q belongs to a contact already", email) }

// EmailOfAnother is for a change of a contact to an email that belongs to another one.
func EmailOfAnother(email string) error {
	return Conflict("email %q belongs to another contact", email)
}

// EventDefined is for a new definition of an event that has one.
func EventDefined(name string) error { return Conflict("event %q is defined already", name) }

// SegmentExists is for an insert under an id that a segment has.
func SegmentExists(id string) error { return Conflict("segment %q exists already", id) }

// PropertyDefined is for a new definition of a contact property that has one.
func PropertyDefined(key string) error {
	return Conflict("contact property %q is defined already", key)
}

// BulkDiffers is for a bulk under the id of another one.
func BulkDiffers(id string) error {
	return Conflict("bulk %q starts another automation, or has another payload: give a new bulk another id", id)
}

// BulkMoved is for a step that is not the next one of its bulk.
func BulkMoved(id string) error { return Conflict("bulk %q is at another step", id) }
