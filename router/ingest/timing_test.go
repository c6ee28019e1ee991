package ingest_test

import (
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

// TestRefusalTimingLong: what differs between two refused requests only by the secret does not show in the time that the
// answer takes. It compares the distributions of many answers, asked for in random order (Kolmogorov and Smirnov).
func TestRefusalTimingLong(t *testing.T) {
	samples := 2_000
	if full() {
		samples = 100_000
	}
	r := newRig(t)
	signature := func(source, header string, at time.Time, change func(string) string) *http.Request {
		src, _ := r.rules.Load().Source(source)
		req := &verify.Request{Method: "POST", URL: src.Path, Header: http.Header{}}
		if err := src.Verifier.Sign(req, at); err != nil {
			t.Fatal(err)
		}
		out := httptest.NewRequest(http.MethodPost, req.URL, nil)
		out.Header = req.Header
		out.Header[header] = []string{change(out.Header.Get(header))}
		return out
	}
	same := func(s string) string { return s }
	at := func(i int) func(string) string { return func(s string) string { return flip(s[:i+1]) + s[i+1:] } }
	now, old := time.Now(), time.Now().Add(-time.Hour)
	for name, pair := range map[string][2]*http.Request{
		"first or last digit, github": {
			signature("github", "X-Hub-Signature-256", now, at(len("sha256="))), signature("github", "X-Hub-Signature-256", now, flip),
		},
		"first or last digit, slack": {
			signature("slack", "X-Slack-Signature", now, at(len("v0="))), signature("slack", "X-Slack-Signature", now, flip),
		},
		"first or last character of a token": {
			signature("token", "X-Pass", now, at(0)), signature("token", "X-Pass", now, flip),
		},
		"expired, with and without the right signature": {
			signature("slack", "X-Slack-Signature", old, same), signature("slack", "X-Slack-Signature", old, flip),
		},
	} {
		t.Run(name, func(t *testing.T) {
			for try := 1; ; try++ { // the machine does other things, too: what the secret does is there every time
				distance := r.apart(pair, samples)
				if limit := 1.95 * math.Sqrt(2/float64(samples)); distance < limit { // p > 0.001
					return
				} else if try == 3 {
					t.Fatalf("the answers can be told apart: distance %.4f, %.4f is chance", distance, limit)
				}
			}
		})
	}
}

// apart is how far the distributions of the times of two refusals are from each other, from 0 to 1.
func (r *rig) apart(pair [2]*http.Request, samples int) float64 {
	r.t.Helper()
	var took [2][]time.Duration
	for len(took[0]) < samples || len(took[1]) < samples {
		which := rand.IntN(2)
		req := pair[which].Clone(r.t.Context())
		w := &statusOnly{nowhere: nowhere{http.Header{}}}
		began := time.Now()
		r.ingest.ServeHTTP(w, req)
		took[which] = append(took[which], time.Since(began))
		if w.status != http.StatusUnauthorized {
			r.t.Fatalf("answer %d", w.status)
		}
	}
	a, b := took[0][:samples], took[1][:samples]
	slices.Sort(a)
	slices.Sort(b)
	most := 0
	for i, j := 0, 0; i < samples && j < samples; {
		next := min(a[i], b[j])
		for i < samples && a[i] == next {
			i++
		}
		for j < samples && b[j] == next {
			j++
		}
		most = max(most, i-j, j-i)
	}
	return float64(most) / float64(samples)
}

// statusOnly keeps the status.
type statusOnly struct {
	nowhere
	status int
}

func (w *statusOnly) WriteHeader(status int) { w.status = status }
