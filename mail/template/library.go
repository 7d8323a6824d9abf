package template

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/mail"
)

var (
	_ mail.Renderer                = (*Library)(nil)
	_ automation.TemplateInspector = (*Library)(nil)
)

// Options tune a Library. The zero value works.
type Options struct {
	// From is the sender of an email for which neither the step nor the template names
	// one, such as `Shop <hello@example.com>`. It may contain variables.
	From string
	// UnsubscribeURL returns the contact's link, the value of UNSUBSCRIBE_URL and
	// RESEND_UNSUBSCRIBE_URL. An email that uses one of these also has the link in
	// mail.Message.UnsubscribeURL, for mail programs. With nil, a template that uses
	// one of these fails to render. It must be safe for concurrent use.
	UnsubscribeURL func(automation.Contact) (string, error)
	// Clock is the source of the time: the system's clock by default.
	Clock automation.Clock
	// Random is the source of randomness for ids: crypto/rand by default. The Library
	// never makes two reads at the same time.
	Random io.Reader
}

// Library is a set of templates. It is safe for concurrent use.
type Library struct {
	opts   Options
	folder string // keeps the templates of Create; "" keeps them in memory

	mu      sync.RWMutex
	entries map[string]*entry // by id
	aliases map[string]string // ids by alias
	made    int               // entries so far
}

// entry is a template of the library.
type entry struct {
	template  Template // the draft
	draft     *compiled
	published *compiled // nil if the template was never published
	sent      *Template // the published version, if it differs from the draft
	file      string    // the .json file of the template, or ""
	number    int       // counts the entries, in the order of creation
}

// New returns an empty Library. Invalid options are reported together in a
// *automation.ValidationError.
func New(opts Options) (*Library, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	return &Library{opts: opts, entries: map[string]*entry{}, aliases: map[string]string{}}, nil
}

// Create makes a new template and returns it. The template is a draft, unless its Status
// is StatusPublished. A Library made by Open writes this and all other changes to a file,
// which can fail. The error wraps automation.ErrConflict if another template has the id or
// the alias, and is a *automation.ValidationError if the template is invalid.
func (l *Library) Create(t Template) (Template, error) {
	if t.Status == "" {
		t.Status = StatusDraft
	}
	t = t.clone()
	c, err := l.compile(&t)
	if err != nil {
		return Template{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.ID == "" {
		if t.ID, err = newID(l.opts.Random); err != nil {
			return Template{}, fmt.Errorf("template: make an id: %w", err)
		}
		c.id = t.ID
	}
	if name := l.taken(t.ID, t.Alias, ""); name != "" {
		return Template{}, fmt.Errorf("template %s: another template has this id or alias: %w", jsondoc.Quote(name), automation.ErrConflict)
	}
	e := &entry{template: t, draft: c}
	e.template.CreatedAt = l.now()
	e.template.UpdatedAt = e.template.CreatedAt
	e.template.PublishedAt = time.Time{}
	if t.Status == StatusPublished {
		e.publish(e.template.CreatedAt)
	}
	e.number = l.made + 1
	if err := l.keep(e); err != nil {
		return Template{}, err
	}
	l.add(e)
	return e.view(), nil
}

// Get returns the draft of the template with this id or alias. The error wraps
// automation.ErrNotFound if there is no such template.
func (l *Library) Get(idOrAlias string) (Template, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	return e.view(), nil
}

// Update changes the draft of a template and returns the draft. Emails use the published
// version until Publish is called. The error wraps automation.ErrNotFound if there is no
// such template, and automation.ErrConflict if another template has the new alias or the
// template comes from a file. It is a *automation.ValidationError if the changed template
// is invalid.
func (l *Library) Update(idOrAlias string, change Change) (Template, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.findOwn(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	t := e.template.clone()
	change.apply(&t)
	c, err := l.compile(&t)
	if err != nil {
		return Template{}, err
	}
	if name := l.taken("", t.Alias, t.ID); name != "" {
		return Template{}, fmt.Errorf("template %s: another template has the alias %s: %w", jsondoc.Quote(t.ID), jsondoc.Quote(name), automation.ErrConflict)
	}
	next := *e
	if e.published == e.draft && e.published != nil {
		sent := e.view()
		next.sent = &sent
	}
	t.UpdatedAt = l.now()
	next.template, next.draft = t, c
	return l.replace(e, next)
}

// Publish makes the draft of a template its published version, which emails use from now
// on. An email that is rendered at the same time uses either version as a whole.
// Publishing twice changes nothing. The error wraps automation.ErrNotFound if there is no
// such template, and automation.ErrConflict if the template comes from a file.
func (l *Library) Publish(idOrAlias string) (Template, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.findOwn(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	if e.published == e.draft {
		return e.view(), nil
	}
	next := *e
	next.publish(l.now())
	return l.replace(e, next)
}

// replace writes the file of next and puts next in the place of e.
func (l *Library) replace(e *entry, next entry) (Template, error) {
	if err := l.keep(&next); err != nil {
		return Template{}, err
	}
	l.remove(e)
	*e = next
	l.put(e)
	return e.view(), nil
}

// Duplicate makes a draft that is a copy of the template's draft without its alias, and
// returns the copy. The error wraps automation.ErrNotFound if there is no such template.
func (l *Library) Duplicate(idOrAlias string) (Template, error) {
	t, err := l.Get(idOrAlias)
	if err != nil {
		return Template{}, err
	}
	t.ID, t.Alias, t.Name, t.Status = "", "", t.Name+" (Copy)", StatusDraft
	return l.Create(t)
}

// Delete removes a template. Steps that use the template fail afterwards. The error wraps
// automation.ErrNotFound if there is no such template, and automation.ErrConflict if the
// template comes from a file.
func (l *Library) Delete(idOrAlias string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := l.findOwn(idOrAlias)
	if err != nil {
		return err
	}
	if err := l.forget(e); err != nil {
		return err
	}
	l.remove(e)
	return nil
}

// List returns a page of the templates, newest first. The error wraps
// automation.ErrNotFound if there is no template with the id at which the page begins, and
// is a *automation.ValidationError if the query is invalid.
func (l *Library) List(q automation.PageQuery) (automation.Page[Template], error) {
	if err := q.Check(); err != nil {
		return automation.Page[Template]{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	var cursor *entry
	if id := q.After + q.Before; id != "" {
		var err error
		if cursor, err = l.find(id); err != nil {
			return automation.Page[Template]{}, err
		}
	}
	return pageOf(l.newest(), cursor, q), nil
}

// InspectTemplate implements automation.TemplateInspector. It describes the published
// version of a template, or the draft if the template was never published. The error wraps
// automation.ErrNotFound if there is no such template.
func (l *Library) InspectTemplate(_ context.Context, id string) (automation.TemplateInfo, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(id)
	if err != nil {
		return automation.TemplateInfo{}, err
	}
	info := cmp.Or(e.published, e.draft).info()
	info.Published = e.published != nil
	return info, nil
}

// Needs returns the variables that the draft of a template takes from a step: first the
// declared ones, then those that the texts use without a declaration. The error wraps
// automation.ErrNotFound if there is no such template.
func (l *Library) Needs(idOrAlias string) ([]Need, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(idOrAlias)
	if err != nil {
		return nil, err
	}
	return slices.Clone(e.draft.needs), nil
}

// compile validates and compiles a template. It does not check whether another template
// has its id or alias.
func (l *Library) compile(t *Template) (*compiled, error) {
	c, problems := compile(t, l.opts.From)
	if err := problems.Err("template " + jsondoc.Quote(cmp.Or(t.ID, t.Name))); err != nil {
		return nil, err
	}
	return c, nil
}

// find returns the template with this id or alias. The caller holds the lock, here and in
// all methods below.
func (l *Library) find(idOrAlias string) (*entry, error) {
	if e := l.lookUp(idOrAlias); e != nil {
		return e, nil
	}
	known := slices.AppendSeq(slices.Collect(maps.Keys(l.entries)), maps.Keys(l.aliases))
	return nil, &automation.UnknownTemplateError{ID: idOrAlias, Known: known}
}

// lookUp returns nil if there is no such template.
func (l *Library) lookUp(idOrAlias string) *entry {
	if e, ok := l.entries[idOrAlias]; ok {
		return e
	}
	if id, ok := l.aliases[idOrAlias]; ok && idOrAlias != "" {
		return l.entries[id]
	}
	return nil
}

// findOwn is find for a template that the caller changes, which cannot be a file's.
func (l *Library) findOwn(idOrAlias string) (*entry, error) {
	e, err := l.find(idOrAlias)
	if err == nil && e.file != "" {
		return nil, fmt.Errorf("template %s comes from %s, change it there: %w", jsondoc.Quote(e.template.ID), e.file, automation.ErrConflict)
	}
	return e, err
}

// taken returns the name, of id and alias, that belongs to a template other than self, or
// "" if both are free. Either may be empty.
func (l *Library) taken(id, alias, self string) string {
	for _, name := range []string{id, alias} {
		if e := l.lookUp(name); name != "" && e != nil && e.template.ID != self {
			return name
		}
	}
	return ""
}

// add puts a new entry into the library.
func (l *Library) add(e *entry) {
	l.made++
	e.number = l.made
	l.put(e)
}

func (l *Library) put(e *entry) {
	l.entries[e.template.ID] = e
	if e.template.Alias != "" {
		l.aliases[e.template.Alias] = e.template.ID
	}
}

func (l *Library) remove(e *entry) {
	delete(l.entries, e.template.ID)
	delete(l.aliases, e.template.Alias)
}

// now returns the time in microseconds, which JSON and every store can keep.
func (l *Library) now() time.Time { return l.opts.Clock.Now().UTC().Truncate(time.Microsecond) }

func (e *entry) publish(now time.Time) {
	e.published, e.sent, e.template.PublishedAt = e.draft, nil, now
}

// view returns the draft with the fields that the Library sets.
func (e *entry) view() Template {
	t := e.template.clone()
	t.Status = StatusDraft
	if e.published != nil {
		t.Status = StatusPublished
	}
	t.HasUnpublishedVersions = e.published != nil && e.published != e.draft
	return t
}
