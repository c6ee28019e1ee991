package verify

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestNewSender adds the sender that the contributing guide shows: its two files are all that is needed.
func TestNewSender(t *testing.T) {
	guide, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) []byte {
		m := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindSubmatch(guide)
		if m == nil {
			t.Fatalf("the guide shows no %s", language)
		}
		return m[1]
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "providers"), os.DirFS("providers")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "providers", "acme.yaml"), block("preset"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, problems := readCatalog(os.DirFS(dir))
	if len(problems) > 0 || found.byName["acme"] == nil {
		t.Fatalf("problems %v", problems)
	}
	p := found.byName["acme"]
	for _, f := range txtar.Parse(block("vectors")).Files {
		t.Run(f.Name, func(t *testing.T) { parseVector(t, f).run(t, p.Verify) })
	}
	negatives(t, p.Verify, func() *Request {
		return &Request{Method: "POST", URL: "/in/acme", Header: map[string][]string{}, Body: []byte(p.Samples[0].Text)}
	}, nil)
}

// TestPresetsOfTheFileUseTheSameKeys: what a file of providers may say, but its samples and aliases, a rules file may say.
func TestPresetsOfTheFileUseTheSameKeys(t *testing.T) {
	_, problems := ParsePreset("mine", node(t, `{like: stripe, title: Mine, docs: "https://mine.example", verified: docs, note: n, type: body.kind}`))
	if len(problems) > 0 {
		t.Error(problems)
	}
	p, _ := ParsePreset("mine", node(t, `{like: stripe, type: body.kind}`))
	if p.Verify.Kind != KindHMAC || p.Dedupe != "body.id" || p.Type != "body.kind" || p.Title != "" {
		t.Errorf("%+v", p)
	}
}
