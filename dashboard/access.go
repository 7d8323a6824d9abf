package dashboard

// Access is what a person may do. Each level includes those before it.
type Access int

// The levels of access.
const (
	// AccessNone: no page is shown.
	AccessNone Access = iota
	// AccessView: read everything that Options.Redact leaves.
	AccessView
	// AccessOperate: also retry and cancel runs, send events, start and stop automations.
	AccessOperate
	// AccessEdit: also create, change and delete automations and event definitions, and
	// erase contacts.
	AccessEdit
)

// String returns the name of the level.
func (a Access) String() string {
	switch a {
	case AccessNone:
		return "none"
	case AccessView:
		return "view"
	case AccessOperate:
		return "operate"
	case AccessEdit:
		return "edit"
	default:
		return "unknown"
	}
}

// May reports whether a includes the level. Templates leave out what a person may not do.
func (a Access) May(level Access) bool { return a >= level && a <= AccessEdit }

// CanOperate reports whether a includes AccessOperate.
func (a Access) CanOperate() bool { return a.May(AccessOperate) }

// CanEdit reports whether a includes AccessEdit.
func (a Access) CanEdit() bool { return a.May(AccessEdit) }
