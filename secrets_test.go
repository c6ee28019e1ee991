package hookrouter_test

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// where secrets and signatures are compared with what strangers send.
var comparing = []string{"verify", "rules", "router/ingest", "router/admin", "cmd/hookrouter"}

var (
	secretName = regexp.MustCompile(`(?i)(secret|password|signature|mac|digest|token)s?(\[[^\]]*\])*$`)
	harmless   = regexp.MustCompile(`^(""|nil|len\(.*|\d+|[A-Za-z]+\{.*|.*\bsize\b.*|examplePrefix|(Kind|part|dedupe)[A-Z][A-Za-z]*|strings\.TrimSpace\(.*)$`) // constants of the code, and a value beside itself
)

// TestSecretsAreComparedInConstantTime: == and its kin tell by their time how much of a guess was right.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	for _, dir := range comparing {
		for _, found := range comparisons(t, os.DirFS(dir)) {
			t.Errorf("%s/%s", dir, found)
		}
	}
}

// The ban must be able to fail.
func TestPlantedComparisonIsFound(t *testing.T) {
	for _, expr := range []string{"secret == given", "given != k.Secrets[0]", "bytes.Equal(mac, sum)", "strings.EqualFold(token, x)", "p.signature == x"} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "x.go", "package x\nvar _ = "+expr, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(inFile(fset, file)) != 1 {
			t.Errorf("%s is not found", expr)
		}
	}
}

func comparisons(t *testing.T, dir fs.FS) (found []string) {
	t.Helper()
	files, err := fs.Glob(dir, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, inFile(fset, file)...)
	}
	return found
}

func inFile(fset *token.FileSet, file *ast.File) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		var sides []ast.Expr
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				sides = []ast.Expr{n.X, n.Y}
			}
		case *ast.CallExpr:
			if name := text(fset, n.Fun); name == "bytes.Equal" || name == "strings.EqualFold" || name == "slices.Equal" {
				sides = n.Args
			}
		}
		if len(sides) == 2 && bad(text(fset, sides[0]), text(fset, sides[1])) {
			found = append(found, fset.Position(n.Pos()).String()+": "+text(fset, n)+": compare it in constant time")
		}
		return true
	})
	return found
}

func bad(a, b string) bool {
	return (secretName.MatchString(a) || secretName.MatchString(b)) && !harmless.MatchString(a) && !harmless.MatchString(b)
}

func text(fset *token.FileSet, n ast.Node) string {
	var b strings.Builder
	_ = printer.Fprint(&b, fset, n)
	return b.String()
}
