package ingest_test

import (
	"strings"
	"testing"
)

func TestLoopsAreRefused(t *testing.T) {
	r := newRig(t)
	for hops, status := range map[string]int{"": 202, "1": 202, "5": 202, "6": 508, "7": 508, "nonsense": 508} {
		req := r.request("open", `{}`)
		if hops != "" {
			req.Header.Set("Hookrouter-Hops", hops)
		}
		if got := r.do(req); got.Status != status {
			t.Errorf("%q hops: %d %s", hops, got.Status, got.Body)
		}
	}
	if n := r.ingest.Stats("open").Results["looped"]; n != 3 {
		t.Errorf("%d counted", n)
	}
	if n := strings.Count(r.logged.String(), "leads back"); n != 3 {
		t.Errorf("%d lines in the log:\n%s", n, r.logged)
	}
}
