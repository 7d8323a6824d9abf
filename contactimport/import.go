package contactimport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Contacts are what an import changes. An *automation.Runner implements it.
type Contacts interface {
	GetContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error)
	CreateContact(ctx context.Context, c automation.Contact) (automation.Contact, error)
	UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error)
	GetContactProperty(ctx context.Context, idOrKey string) (automation.ContactProperty, error)
	CreateContactProperty(ctx context.Context, p automation.ContactProperty) (automation.ContactProperty, error)
}

// Run imports a file. If the error is nil, the report is about all lines.
//
// Run fails with an *automation.ValidationError before it changes anything if an option is
// invalid, if the file lacks a column, or if a property has a definition with another type.
// Any other error breaks off the import: the error of ctx, of reading the file or of the
// store. It wraps errors.ErrUnsupported if an automation.ContactDirectory lacks a contact,
// because only the host creates contacts there. Run returns what the report has until then.
func Run(ctx context.Context, contacts Contacts, file io.Reader, opts Options) (Report, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return Report{}, err
	}
	im := importer{contacts: contacts, opts: opts}
	if im.scanner, err = newScanner(file, opts.Separator, opts.MaxLine); err != nil {
		return Report{}, wrap(err)
	}
	if err := im.start(ctx); err != nil {
		return Report{}, wrap(err)
	}
	for more := true; more && err == nil; {
		more, err = im.fill(ctx)
		err = cmp.Or(err, im.write(ctx)) // the lines before an error of the file are good
	}
	return im.report, wrap(err)
}

// wrap returns an error with the name of the package, unless it is nil or has one.
func wrap(err error) error {
	var flawed *automation.ValidationError
	if err == nil || errors.As(err, &flawed) {
		return err
	}
	return fmt.Errorf("contactimport: %w", err)
}

// importer is one import.
type importer struct {
	contacts Contacts
	opts     Options
	scanner  *scanner
	layout   layout
	report   Report
	batch    []row // lines that are read and not written
}

// A batch ends after so many lines, or so many bytes of lines.
const (
	maxBatch      = 256
	maxBatchBytes = 1 << 20
)

// start reads the first line, and prepares the properties.
func (im *importer) start(ctx context.Context) error {
	header, _, err := im.scanner.next()
	if bad := (malformed{}); errors.As(err, &bad) {
		return invalid("file", "the first line: %s", bad.message)
	}
	if errors.Is(err, io.EOF) {
		return invalid("file", "is empty: its first line must name the columns")
	}
	if err != nil {
		return err
	}
	if im.layout, im.report.Ignored, err = newLayout(header, im.opts.Columns); err != nil {
		return err
	}
	return im.checkProperties(ctx)
}

// checkProperties compares the types of the properties with their definitions, and defines
// those that have none.
func (im *importer) checkProperties(ctx context.Context) error {
	var problems automation.Problems
	var undefined []automation.ContactProperty
	for _, p := range im.layout.properties {
		defined, err := im.contacts.GetContactProperty(ctx, p.name)
		switch {
		case errors.Is(err, automation.ErrNotFound) && p.kind != TypeBoolean:
			undefined = append(undefined, automation.ContactProperty{Key: p.name, Type: automation.PropertyType(p.kind)})
		case errors.Is(err, automation.ErrNotFound):
		case err != nil:
			return err
		case defined.Key == p.name && string(defined.Type) != string(p.kind):
			problems.Add(automation.CodeWrongType, jsondoc.PathTo("columns.properties", p.name)+".type",
				"is %s, and the property is defined as %s", p.kind, defined.Type)
		}
	}
	if err := problems.Err("import"); err != nil || !im.opts.DefineProperties {
		return err
	}
	return im.define(ctx, undefined)
}

func (im *importer) define(ctx context.Context, properties []automation.ContactProperty) error {
	for _, p := range properties {
		_, err := im.contacts.CreateContactProperty(ctx, p)
		var flawed *automation.ValidationError
		if errors.As(err, &flawed) {
			return invalid(jsondoc.PathTo("columns.properties", p.Key), "the key %s", flawed.Problems[0].Message)
		}
		if err != nil && !errors.Is(err, automation.ErrConflict) { // another process has just defined it
			return err
		}
	}
	return nil
}

// fill reads the lines of the next batch. It reports whether there may be more.
func (im *importer) fill(ctx context.Context) (more bool, err error) {
	im.batch = im.batch[:0]
	for size := 0; len(im.batch) < maxBatch && size < maxBatchBytes; size += len(im.scanner.raw) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		cells, line, err := im.scanner.next()
		bad := malformed{}
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case errors.As(err, &bad):
			im.batch = append(im.batch, row{line: line, err: bad.problem().Err("line")})
		case err != nil:
			return false, err
		default:
			r := im.layout.read(line, cells)
			r.contact.Segments = slices.Clone(im.opts.Segments)
			im.batch = append(im.batch, r)
		}
	}
	return true, nil
}

// result is what became of a row of the batch.
type result struct {
	outcome outcome
	err     error
}

// write writes the batch, and adds it to the report.
func (im *importer) write(ctx context.Context) error {
	results := make([]result, len(im.batch))
	err := im.putBatch(ctx, results)
	for i := range results {
		im.report.add(im.batch[i].line, results[i].outcome, results[i].err, im.opts.MaxErrors)
	}
	im.batch = im.batch[:0]
	if im.opts.Progress != nil {
		im.opts.Progress(im.report.Counts)
	}
	return err
}

// putBatch creates and changes the contacts of the batch, many at a time. Lines with the same
// email are written one after the other, in the order of the file.
func (im *importer) putBatch(ctx context.Context, results []result) error {
	queue := make(chan []int, len(im.batch))
	for _, same := range im.byEmail() {
		queue <- same
	}
	close(queue)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	for range min(im.opts.Concurrency, len(queue)) {
		workers.Go(func() {
			for same := range queue {
				if err := im.putAll(ctx, same, results); err != nil {
					stop(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// putAll writes some rows of the batch in turn, until ctx ends.
func (im *importer) putAll(ctx context.Context, indexes []int, results []result) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for _, i := range indexes {
		if ctx.Err() != nil {
			return nil
		}
		if results[i], err = im.put(ctx, &im.batch[i]); err != nil {
			return err
		}
	}
	return nil
}

// byEmail returns the indexes of the rows of the batch in groups: those with the same email,
// and each that has no email by itself.
func (im *importer) byEmail() [][]int {
	var groups [][]int
	group := map[string]int{}
	for i := range im.batch {
		key := automation.EmailKey(im.batch[i].contact.Email)
		at, known := group[key]
		if !known || key == "" {
			at = len(groups)
			group[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], i)
	}
	return groups
}

// maxAttempts is how often a line is tried if its contact appears and disappears meanwhile.
const maxAttempts = 3

// put creates or changes the contact of a row. The error breaks off the import.
func (im *importer) put(ctx context.Context, r *row) (result, error) {
	if r.err != nil {
		return result{failed, r.err}, nil
	}
	var done outcome
	var err error
	for range maxAttempts {
		if done, err = im.tryPut(ctx, r); !errors.Is(err, automation.ErrConflict) && !errors.Is(err, automation.ErrNotFound) {
			break
		}
	}
	switch {
	case err == nil:
		return result{done, nil}, nil
	case errors.Is(err, automation.ErrInvalid), errors.Is(err, automation.ErrConflict), errors.Is(err, automation.ErrNotFound):
		return result{failed, err}, nil
	default:
		return result{}, fmt.Errorf("line %d: %w", r.line, err)
	}
}

// tryPut looks for the contact first: a failed insertion would cost more than a look-up, and
// leave an error in the log of a database.
func (im *importer) tryPut(ctx context.Context, r *row) (outcome, error) {
	c, err := im.contacts.GetContact(ctx, automation.ContactRef{Email: r.contact.Email})
	switch {
	case errors.Is(err, automation.ErrNotFound):
		_, err = im.contacts.CreateContact(ctx, r.contact.Clone())
		return created, err
	case err != nil:
		return undone, err
	case im.opts.OnConflict == Skip:
		return skipped, nil
	default:
		_, err = im.contacts.UpdateContact(ctx, c.ID, r.change())
		return updated, err
	}
}
