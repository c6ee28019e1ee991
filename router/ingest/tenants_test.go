package ingest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

// tenants are three sources of each kind of proof, each with a secret of its own.
func tenants(t *testing.T, r *rig) (names []string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("version: 1\nsources:\n")
	for kind, proof := range map[string]string{
		"github": "preset: github", "slack": "preset: slack", "stripe": "preset: stripe", "contentful": "preset: contentful",
		"standard": "preset: standard-webhooks", "token": "verify: { kind: token, token: { header: X-Pass } }",
		"bearer": `verify: { kind: token, token: { header: Authorization, prefix: "Bearer " } }`,
		"query":  "verify: { kind: token, token: { query: ticket } }",
	} {
		for i := range 3 {
			name := fmt.Sprintf("%s-%d", kind, i)
			sum := sha256.Sum256([]byte(name))
			fmt.Fprintf(&text, "  %s: { %s, secret: %s }\n", name, proof, hex.EncodeToString(sum[:]))
			names = append(names, name)
		}
	}
	r.rules.Store(parse(t, text.String()))
	return names
}

// TestProofOfAnotherSource: what proves the sender of one source proves nothing at another, of the same provider or not,
// and a path in another case is no source.
func TestProofOfAnotherSource(t *testing.T) {
	r := newRig(t)
	names := tenants(t, r)
	send := func(from, to string) int {
		source, _ := r.rules.Load().Source(from)
		req := &verify.Request{Method: http.MethodPost, URL: "/in/" + to, Header: http.Header{"Content-Type": {"application/json"}}}
		req.Body = fmt.Appendf(nil, `{"from":%q,"to":%q}`, from, to)
		if err := source.Verifier.Sign(req, time.Now()); err != nil {
			t.Fatal(err)
		}
		out, err := http.NewRequestWithContext(t.Context(), req.Method, r.server.URL+req.URL, strings.NewReader(string(req.Body)))
		if err != nil {
			t.Fatal(err)
		}
		out.Header = req.Header
		return r.do(out).Status
	}
	for _, from := range names {
		for _, to := range names {
			got := send(from, to)
			if to == from && got/100 != 2 || to != from && got != http.StatusUnauthorized {
				t.Errorf("signed for %s, sent to %s: %d", from, to, got)
			}
		}
		if got := send(from, strings.ToUpper(from)); got != http.StatusNotFound {
			t.Errorf("%s in another case: %d", from, got)
		}
	}
	if n := r.log.Len(); n != len(names) {
		t.Errorf("%d records, want one of each source", n)
	}
}
