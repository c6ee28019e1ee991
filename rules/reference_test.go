package rules

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	tableInPage = regexp.MustCompile(`(?s)<!-- keys of (\w+) -->\n.*?<!-- end -->`)
	anchorLink  = regexp.MustCompile(`\]\(#([\w-]+)\)`)
)

// TestReference: docs/rules.md has a table for each block of the file, made of what the parser reads by.
func TestReference(t *testing.T) {
	const path = "../docs/rules.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for _, k := range tables() {
		made[k.name] = "<!-- keys of " + k.name + " -->\n" + k.markdown() + "<!-- end -->"
	}
	placed := map[string]bool{}
	want := tableInPage.ReplaceAllStringFunc(string(page), func(s string) string {
		name := tableInPage.FindStringSubmatch(s)[1]
		placed[name] = true
		return made[name]
	})
	want = warningsInPage.ReplaceAllLiteralString(want, warningsTable())
	for name := range made {
		if !placed[name] {
			t.Errorf("docs/rules.md has no place for the keys of %s: <!-- keys of %s --> and <!-- end -->", name, name)
		}
	}
	for _, m := range anchorLink.FindAllStringSubmatch(want, -1) {
		if !regexp.MustCompile(`(?mi)^#+ ` + strings.ReplaceAll(m[1], "-", "[- ]") + `$`).MatchString(want) {
			t.Errorf("docs/rules.md has no heading for the link to #%s", m[1])
		}
	}
	if flag.Lookup("update").Value.String() == "true" {
		err = os.WriteFile(path, []byte(want), 0o644)
	} else if want != string(page) {
		t.Error("docs/rules.md is not what the tables say: go test ./rules -run TestReference -update")
	}
	if err != nil {
		t.Error(err)
	}
}

var warningsInPage = regexp.MustCompile(`(?s)<!-- warnings -->\n.*?<!-- end -->`)

func warningsTable() string {
	var b strings.Builder
	b.WriteString("<!-- warnings -->\n| code | what it says | what to do |\n|---|---|---|\n")
	for _, m := range meanings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.code, m.what, m.do)
	}
	return b.String() + "<!-- end -->"
}

func (k keys) markdown() string {
	var b strings.Builder
	b.WriteString("| key | value | default | what |\n|---|---|---|---|\n")
	for _, r := range k.rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.key, r.takes.words, r.def, r.what)
	}
	return b.String()
}
