package hookrouter_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/hookrouter/hookrouter/"

// allowed is the house: which of our packages each package may import. What is not listed may import nothing of ours.
var allowed = map[string][]string{
	"client":               {"event", "verdict"},
	"verdict":              {"event"},
	"rules":                {"event", "verdict", "verify", "rules/lang"},
	"router/queue/bodies":  {"router/queue/dirs"},
	"router/queue/history": {"event", "router/queue/dirs"},
	"router/queue":         {"event", "router/queue/bodies", "router/queue/dirs", "router/queue/history"},
	"router/queue/journal": {"event", "router/queue", "router/queue/dirs"},
	"router/queue/logtest": {"event", "router/queue"},
	"router/ingest":        {"event", "verify", "rules", "router/queue"},
	"router/deliver":       {"event", "rules", "router/queue"},
	"router/admin":         {"client", "event", "rules", "verdict", "verify", "router/queue", "router/ingest", "router/deliver"},
	"router": {
		"client", "event", "rules", "router/admin", "router/deliver", "router/ingest", "router/queue", "router/queue/dirs",
		"router/queue/journal", "verify",
		"verify/keyfetch",
	},
	"cmd/hookrouter": {"client", "event", "router", "rules", "rules/lang", "sink", "verdict", "verify"},
	"faults/rig":     {"client", "event", "sink", "verify"},
	"bench":          {"client", "event", "router", "rules", "sink", "verify"},
}

func TestImportsRunOneWay(t *testing.T) {
	bad, err := badImports(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad {
		t.Error(b)
	}
}

// TestImportsRunOneWay must be able to fail: a planted import is found, wherever it stands.
func TestPlantedImportIsFound(t *testing.T) {
	for dir, planted := range map[string]string{
		"event": "rules", "router/ingest": "router/deliver", "verify": "event", "router/queue": "rules", "sink/deep": "event",
	} {
		house := fstest.MapFS{dir + "/x.go": {Data: []byte(fmt.Sprintf("package x\nimport _ %q\n", module+planted))}}
		bad, err := badImports(house)
		if err != nil || len(bad) != 1 {
			t.Errorf("%s importing %s: found %q, %v; want one", dir, planted, bad, err)
		}
	}
}

// badImports lists the imports in non-test files that the table does not allow.
func badImports(house fs.FS) (bad []string, err error) {
	err = fs.WalkDir(house, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && name != ".")) {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(house, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			full, _ := strconv.Unquote(spec.Path.Value)
			ours, is := strings.CutPrefix(full, module)
			if is && !slices.Contains(allowed[path.Dir(name)], ours) {
				bad = append(bad, fmt.Sprintf("%s imports %s: not allowed by the table in imports_test.go", name, ours))
			}
		}
		return nil
	})
	return bad, err
}
