package rules

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestReferenceNamesEveryKey: a key that users can write is in docs/rules.md, in code.
func TestReferenceNamesEveryKey(t *testing.T) {
	page, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(page), "")
	for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(text, -1) {
		named = append(named, regexp.MustCompile(`[a-z_]+`).FindAllString(code, -1)...)
	}
	for _, list := range []keys{
		topKeys, sourceKeys, destKeys, defaultKeys, routeKeys, limitKeys, retryKeys, breakerKeys, mergeKeys, respondKeys,
		testKeys, givenKeys, expectKeys, keepKeys,
	} {
		for _, key := range list.now {
			if !slices.Contains(named, key) {
				t.Errorf("docs/rules.md does not name %q", key)
			}
		}
	}
}
