package database

import (
	"regexp"
	"slices"
	"strings"
)

// State is the result of a check.
type State string

// The states.
const (
	OK      State = "ok"
	Warning State = "warning" // worth a look
	Problem State = "problem"
)

// Finding is the result of one check of a database, for people.
type Finding struct {
	// Check is the subject in a word or two.
	Check   string `json:"check"`
	State   State  `json:"state"`
	Message string `json:"message"`
	// WayOut is what to do. It is empty if there is nothing to do.
	WayOut string `json:"way_out,omitempty"`
}

var indexChange = regexp.MustCompile(
	`(?m)^(?:CREATE (?:UNIQUE )?INDEX (\w+)\s+ON (\S+)[^;]*;|DROP INDEX (?:"?\w+"?\.)?(\w+);|DROP TABLE ([^;]+);)`)

// index is an index that migrations create.
type index struct{ name, table, sql string }

// indexesOf returns the indexes that exist after the migrations, by name. An index goes
// with its table.
func indexesOf(migrations []Migration) []index {
	var all []index
	for _, m := range migrations {
		for _, found := range indexChange.FindAllStringSubmatch(m.SQL, -1) {
			created, table, dropped, tables := found[1], found[2], found[3], strings.Split(found[4], ", ")
			if created != "" {
				all = append(all, index{created, table, strings.Join(strings.Fields(found[0]), " ")})
				continue
			}
			all = slices.DeleteFunc(all, func(i index) bool { return i.name == dropped || slices.Contains(tables, i.table) })
		}
	}
	return all
}

// missingIndexes reports the indexes that are not among those that the database can use.
func missingIndexes(want []index, usable []string) Finding {
	f := Finding{Check: "indexes", State: OK, Message: "all indexes of the tables are there"}
	var names, statements []string
	for _, i := range want {
		if !slices.Contains(usable, i.name) {
			names, statements = append(names, i.name), append(statements, i.sql)
		}
	}
	if len(names) > 0 {
		f.State = Problem
		f.Message = "these indexes are missing or cannot be used, and work gets slower as tables grow: " + strings.Join(names, ", ")
		f.WayOut = "drop what is left of them, and execute: " + strings.Join(statements, " ")
	}
	return f
}
