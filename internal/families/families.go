// Package families checks that the files of one package depend on each other in one
// direction: a file may use names of its own family and of earlier families.
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
// A pattern that ends in * matches all names with this prefix.
type Family struct {
	Name     string
	Patterns []string
}

func (f Family) has(file string) bool {
	return slices.ContainsFunc(f.Patterns, func(pattern string) bool {
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		return pattern == file || isPrefix && strings.HasPrefix(file, prefix)
	})
}

// Use is the use of a name that breaks the order of the families, or a file without a
// family.
type Use struct {
	Position string // file:line
	Name     string // the name; empty for a file without a family
	File     string // the file that declares the name
	From, To string // the families of the file that uses the name and of File
}

// String returns a message with the problem and its solution.
func (u Use) String() string {
	if u.Name == "" {
		return fmt.Sprintf("%s: the file is in no family: name it after one, or add it to a family in internal/families", u.Position)
	}
	return fmt.Sprintf("%s: a file of %q uses %s of %s, which belongs to %q, a family after its own: move one of them",
		u.Position, u.From, u.Name, u.File, u.To)
}

// Check returns the uses that break the order of families in the package in dir. It
// calls open for the export data of an imported package.
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

// parse parses the files of the package, except its tests, and finds their families.
// doc.go has no family, because it declares nothing.
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

// use records the use of an object of the package if the order forbids it. The order
// never forbids the use of a local name, which is in the same file.
func (c *checker) use(ident *ast.Ident, object types.Object) {
	from, to := c.fset.Position(ident.Pos()), c.fset.Position(object.Pos())
	file, declared := filepath.Base(from.Filename), filepath.Base(to.Filename)
	own, other := c.family[file], c.family[declared]
	if own < 0 || other <= own {
		return
	}
	c.seen[Use{
		Position: fmt.Sprintf("%s:%d", file, from.Line),
		Name:     object.Name(),
		File:     declared,
		From:     c.order[own].Name,
		To:       c.order[other].Name,
	}] = true
}
