package rig

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// storing is the code that writes to the data directory.
var storing = []string{
	"router/durable.go", "router/keep.go", "router/queue/*.go", "router/queue/bodies/*.go", "router/queue/dirs/*.go",
	"router/queue/history/*.go", "router/queue/journal/*.go",
}

// StoringFiles are the files with that code, by their path below the top of the checkout.
func StoringFiles(t testing.TB) (files []string) {
	t.Helper()
	for _, pattern := range storing {
		found, err := filepath.Glob(filepath.Join(Root(t), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: nothing there (%v)", pattern, err)
		}
		for _, file := range found {
			if !strings.HasSuffix(file, "_test.go") && !strings.HasSuffix(file, "_windows.go") && !strings.HasSuffix(file, "_other.go") {
				files = append(files, strings.TrimPrefix(file, Root(t)+"/"))
			}
		}
	}
	return files
}

// swapOS puts the exported names of another package in the place of those of os, in a copy of the code that writes to
// the data directory: lines stay where they are.
func swapOS(t testing.TB, replace map[string]string, prefix, pkg string) {
	t.Helper()
	names := exported(t, filepath.Join(Root(t), pkg))
	for _, name := range StoringFiles(t) {
		file := filepath.Join(Root(t), name)
		source := file
		if patched, ok := replace[file]; ok {
			source = patched
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		swapped, some := swapNames(t, string(text), names, pkg)
		if !some {
			continue
		}
		copied := prefix + "-" + strings.ReplaceAll(name, "/", "-")
		if err := os.WriteFile(copied, []byte(swapped), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[file] = copied
	}
}

const ourModule = "github.com/hookrouter/hookrouter/"

// swapNames is false when the file has none of the names.
func swapNames(t testing.TB, text string, names []string, pkg string) (string, bool) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(names, sel.Sel.Name) {
			at = append(at, fset.Position(x.Pos()).Offset)
		}
		return true
	})
	if len(at) == 0 {
		return text, false
	}
	slices.Sort(at)
	short := filepath.Base(pkg)
	for _, i := range slices.Backward(at) {
		text = text[:i] + short + text[i+len("os"):]
	}
	text = strings.Replace(text, "\t\"os\"\n", "\t\"os\"; \""+ourModule+pkg+"\"\n", 1)
	text = strings.Replace(text, "import \"os\"\n", "import (\"os\"; \""+ourModule+pkg+"\")\n", 1)
	return text + "\nvar _ = os.ErrExist\n", true
}

// exported are the names that a package declares for others, but for methods.
func exported(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() {
					names = append(names, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
						names = append(names, ts.Name.Name)
					}
				}
			}
		}
	}
	return names
}
