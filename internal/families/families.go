// Package families holds the files of one package to an order: a file may use names of
// its own family and of the families before it.
package families

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Family is a group of files with one subject. Its patterns are file names without .go.
// A pattern that ends in * stands for all names that begin so.
type Family struct {
	Name     string
	Patterns []string
}

func (f Family) has(file string) bool {
	return slices.ContainsFunc(f.Patterns, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return pattern == file || open && strings.HasPrefix(file, prefix)
	})
}

// Use is a name that a file may not use, or a file without a family.
type Use struct {
	Position  string // file:line
	Name      string // of what is used; empty for a file without a family
	File      string // that declares the name
	From, Has string // the families of the two files
}

// String returns what is wrong and what to do about it.
func (u Use) String() string {
	if u.Name == "" {
		return fmt.Sprintf("%s: the file is in no family: name it after one, or add it to a family in internal/families", u.Position)
	}
	return fmt.Sprintf("%s: a file of %q uses %s of %s, which belongs to %q, a family after its own: move one of them",
		u.Position, u.From, u.Name, u.File, u.Has)
}

// Check reports the uses that break the order of families in the package in dir. Open
// returns the export data of an imported package.
func Check(dir string, order []Family, open func(path string) (io.ReadCloser, error)) ([]Use, error) {
	c := checker{order: order, fset: token.NewFileSet(), family: map[string]int{}, seen: map[Use]bool{}}
	if err := c.parse(dir); err != nil {
		return nil, err
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(c.fset, "gc", open)}
	pkg, err := config.Check(dir, c.fset, c.files, info)
	if err != nil {
		return nil, err
	}
	for ident, object := range info.Uses {
		if object.Pkg() == pkg {
			c.use(ident, object)
		}
	}
	uses := slices.Collect(maps.Keys(c.seen))
	slices.SortFunc(uses, func(a, b Use) int { return strings.Compare(a.String(), b.String()) })
	return uses, nil
}

type checker struct {
	order  []Family
	fset   *token.FileSet
	files  []*ast.File
	family map[string]int // by file name
	seen   map[Use]bool
}

// parse reads the package's files, tests aside, and finds their families. doc.go is in
// none: it declares nothing.
func (c *checker) parse(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(c.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		c.files = append(c.files, file)
		base := strings.TrimSuffix(filepath.Base(name), ".go")
		if base == "doc" {
			continue
		}
		c.family[base+".go"] = slices.IndexFunc(c.order, func(f Family) bool { return f.has(base) })
		if c.family[base+".go"] < 0 {
			c.seen[Use{Position: base + ".go"}] = true
		}
	}
	return nil
}

// use notes the use of an object that another file declares, if the order forbids it.
// Names inside functions are in the file that uses them.
func (c *checker) use(ident *ast.Ident, object types.Object) {
	from, to := c.fset.Position(ident.Pos()), c.fset.Position(object.Pos())
	file, declared := filepath.Base(from.Filename), filepath.Base(to.Filename)
	has, needs := c.family[file], c.family[declared]
	if has < 0 || needs <= has {
		return
	}
	c.seen[Use{
		Position: fmt.Sprintf("%s:%d", file, from.Line),
		Name:     object.Name(),
		File:     declared,
		From:     c.order[has].Name,
		Has:      c.order[needs].Name,
	}] = true
}
