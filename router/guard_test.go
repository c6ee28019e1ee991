package router_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hookrouter/hookrouter/router"
)

// TestClockThatIsNotSet: in a bubble of synctest it is the year 2000.
func TestClockThatIsNotSet(t *testing.T) {
	h := prepare(t)
	h.write(h.rules(openRules))
	o := h.options()
	synctest.Test(t, func(t *testing.T) {
		_, err := router.New(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), "the clock says 2000-01-01") {
			t.Errorf("starts: %v", err)
		}
	})
}

// TestProofIsDropped: rules that ask for less than those before say so, and the number of sources without proof is known.
func TestProofIsDropped(t *testing.T) {
	const text = `version: 1
sources:
  asked: { preset: github, secret: "${SECRET}" }
  never: { verify: none }
destinations: { d: http://SINK/ }
routes: [{ name: r, from: "*", to: d }]
`
	h := open(t, text)
	warned := func(name string) bool {
		return strings.Contains(h.logs.text(), `"msg":"source takes requests without proof, which the rules before asked for","source":"`+name+`"`)
	}
	if n := gauge(t, h.Router, "hookrouter_sources_unverified"); n != 1 {
		t.Errorf("%d sources without proof", n)
	}
	h.write(h.rules(strings.Replace(text, `preset: github, secret: "${SECRET}"`, "verify: none", 1)))
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	if n := gauge(t, h.Router, "hookrouter_sources_unverified"); n != 2 || !warned("asked") || warned("never") {
		t.Errorf("%d sources without proof, warned: %v, %v", n, warned("asked"), warned("never"))
	}
}
