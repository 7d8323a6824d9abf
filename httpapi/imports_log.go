package httpapi

import (
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/contactimport"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// importStatus is the status of an import. The statuses are Resend's.
type importStatus string

const (
	importQueued     importStatus = "queued" // never: an import begins at once
	importInProgress importStatus = "in_progress"
	importCompleted  importStatus = "completed"
	importFailed     importStatus = "failed"
)

// importRecord is what became of an import.
type importRecord struct {
	id                     string
	status                 importStatus
	createdAt, completedAt time.Time
	report                 contactimport.Report
}

// maxImports is how many imports a Handler remembers.
const maxImports = 100

// importLog remembers the last imports of this process.
type importLog struct {
	ids *uuid.Source

	mu  sync.Mutex
	all []importRecord // oldest first
}

// begin records an import that begins now, and returns its id.
func (l *importLog) begin(now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) >= maxImports {
		if i := slices.IndexFunc(l.all, func(i importRecord) bool { return i.status != importInProgress }); i >= 0 {
			l.all = slices.Delete(l.all, i, i+1)
		}
	}
	id := l.ids.Next(now)
	l.all = append(l.all, importRecord{id: id, status: importInProgress, createdAt: now})
	return id
}

// progress records how far an import is.
func (l *importLog) progress(id string, counts contactimport.Counts) {
	l.change(id, func(i *importRecord) { i.report.Counts = counts })
}

// end records the end of an import, and returns it.
func (l *importLog) end(id string, now time.Time, report contactimport.Report, err error) importRecord {
	return l.change(id, func(i *importRecord) {
		i.status, i.completedAt, i.report = importCompleted, now, report
		if err != nil {
			i.status = importFailed
		}
	})
}

// change changes the record of an import in progress, and returns it.
func (l *importLog) change(id string, do func(*importRecord)) importRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.index(id)
	do(&l.all[i])
	return l.all[i]
}

// drop forgets an import.
func (l *importLog) drop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.index(id)
	l.all = slices.Delete(l.all, i, i+1)
}

func (l *importLog) find(id string) (importRecord, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.index(id)
	if i < 0 {
		return importRecord{}, false
	}
	return l.all[i], true
}

// list returns the imports with one of these statuses, newest first. No status means all.
func (l *importLog) list(statuses []importStatus) []importRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []importRecord
	for _, i := range slices.Backward(l.all) {
		if len(statuses) == 0 || slices.Contains(statuses, i.status) {
			found = append(found, i)
		}
	}
	return found
}

// index returns the index of an import, or -1.
func (l *importLog) index(id string) int {
	return slices.IndexFunc(l.all, func(i importRecord) bool { return i.id == id })
}
