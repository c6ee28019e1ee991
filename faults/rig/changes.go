package rig

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Change is a call in the code that stores things which changes the disk.
type Change struct {
	Place string // as package steps names it
	Call  string // the function it is in, and what it calls
}

// Changes finds the calls by their names.
func Changes(t testing.TB) (all []Change) {
	t.Helper()
	names, patched := exported(t, filepath.Join(Root(t), "faults", "steps")), inherited(t)
	for _, name := range StoringFiles(t) {
		file := filepath.Join(Root(t), name)
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, cmp.Or(patched[file], file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && changes(call, names) {
					place := filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name)
					line := fset.Position(call.Pos()).Line
					all = append(all, Change{fmt.Sprintf("%s:%d", place, line), fn.Name.Name + " " + call.Fun.(*ast.SelectorExpr).Sel.Name})
				}
				return true
			})
		}
	}
	return all
}

// changes knows functions of os and methods of files. Others have a Sync and a Write, too: histories, hashes, and package
// dirs, which is looked at itself.
func changes(call *ast.CallExpr, names []string) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	on := types.ExprString(sel.X)
	switch name := sel.Sel.Name; name {
	case "Open", "File":
		return false
	case "OpenFile":
		flags := types.ExprString(call.Args[1])
		return on == "os" && (strings.Contains(flags, "O_CREATE") || strings.Contains(flags, "O_TRUNC"))
	case "Sync", "Write", "WriteAt", "WriteString", "Truncate", "Fd":
		return !slices.Contains([]string{"dirs", "h", "q.past.h", "w", "io", "binary"}, on)
	default:
		return on == "os" && slices.Contains(names, name)
	}
}
