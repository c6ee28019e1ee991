package rules_test

import (
	"fmt"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

func TestMask(t *testing.T) {
	in := map[string][]string{
		"Authorization": {"Bearer x"}, "Cookie": {"a=b", "c=d"}, "X-Gitlab-Token": {"t"}, "X-Pass": {"p"},
		"X-Hub-Signature-256": {"sha256=ab"}, "Content-Type": {"text/plain"},
	}
	got := fmt.Sprint(rules.Mask(in, []string{"x-pass"}))
	want := "map[Authorization:[***] Content-Type:[text/plain] Cookie:[*** ***] X-Gitlab-Token:[***] X-Hub-Signature-256:[sha256=ab] X-Pass:[***]]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := rules.MaskQuery("a=1&access_token=x&b=%zz&%zz=1&c"); got != "a=1&access_token=***&b=%zz&%zz=***&c" {
		t.Errorf("query %s", got)
	}
}
