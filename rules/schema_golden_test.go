package rules

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"
)

// visibleInSchema are the messages about what a schema can see: keys, kinds of values, closed lists of words, forms.
var visibleInSchema = regexp.MustCompile(`unknown key|not supported by this version|must be (a mapping|a list|text|one of)` +
	`|is not a (duration|size|rate|name)\b|has no (url|from|name|given|expect|source)\b|is missing|coalesce has no|unknown kind`)

var hintLines = regexp.MustCompile(`(?m)^    .*$`)

// TestSchemaSeesWhatIsBroken: an editor marks those of the broken files that a schema can know to be broken.
func TestSchemaSeesWhatIsBroken(t *testing.T) {
	archives, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for _, f := range ar.Files {
			texts[f.Name] = strings.NewReplacer("»", "", "▸", "").Replace(string(f.Data))
		}
		for name, text := range texts {
			want, ok := texts[strings.TrimSuffix(name, ".yaml")+".want"]
			messages := hintLines.ReplaceAllString(want, "")
			if !ok || strings.Contains(text, "include:") || strings.Contains(messages, "${") || !visibleInSchema.MatchString(messages) {
				continue
			}
			var v any
			if yaml.Unmarshal([]byte(text), &v) != nil {
				continue
			}
			seen++
			if len(misfits(t, text)) == 0 {
				t.Errorf("%s/%s: the schema finds nothing wrong with it:\n%s\n%s", filepath.Base(path), name, text, want)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d files", seen)
	}
}
