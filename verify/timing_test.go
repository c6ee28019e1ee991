package verify

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestConstantTimeLong: how much of a secret or of a MAC was guessed right does not show in the time that Verify takes.
// Two classes of requests, wrong in the first letter and wrong in a later one only, are verified in random order, and
// Welch's t-test is made of their times without the slowest tenth, as dudect does.
func TestConstantTimeLong(t *testing.T) {
	samples := 10_000
	if os.Getenv("HOOKROUTER_LONG") != "" {
		samples = 1_000_000
	}
	for name, c := range map[string]struct{ scheme, header, before string }{
		"hmac in hex":    {`{kind: hmac, signature: {header: X-Sig}}`, "X-Sig", ""},
		"hmac in base64": {`{kind: hmac, algorithm: sha512, encoding: base64, signature: {header: X-Sig}}`, "X-Sig", ""},
		"hmac in a list": {`{kind: hmac, algorithm: sha1, signature: {header: X-Sig, separator: ",", assign: "=", field: v1}, content: "{ts}{body}", timestamp: {field: t}}`, "X-Sig", "v1="},
		"hash":           {`{kind: hash, signature: {header: X-Sig}, content: "{secret}{body}"}`, "X-Sig", ""},
		"token":          {`{kind: token, token: {header: X-Sig}}`, "X-Sig", ""},
		"basic":          {`{kind: token, token: {basic: true}}`, "Authorization", "Basic "},
		"jwt":            {`{kind: jwt, algorithm: HS256, token: {header: X-Sig}}`, "X-Sig", "."},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustScheme(t, c.scheme)
			v := mustNew(t, s, secretFor(s, 'k'))
			r := &Request{Method: "POST", URL: "/in/x", Header: map[string][]string{}, Body: []byte(`{"a":1}`)}
			if err := v.Sign(r, signingTime()); err != nil {
				t.Fatal(err)
			}
			text, begin := r.Header[c.header][0], 0
			if c.before != "" {
				begin = strings.LastIndex(text, c.before) + len(c.before)
			}
			for _, later := range []int{(begin + len(text)) / 2, len(text) - 5} {
				alike(t, v, r, r.Header[c.header], [2]string{wrongAt(text, begin), wrongAt(text, later)}, samples)
			}
		})
	}
}

// alike fails when the times of a request refused with one text in its header and with the other can be told apart.
func alike(t *testing.T, v *Verifier, r *Request, header []string, texts [2]string, samples int) {
	t.Helper()
	for try := 1; ; try++ { // the machine does other things, too: what the secret does is there every time
		if score := welch(timesOf(t, v, r, header, texts, samples)); math.Abs(score) < 4.5 {
			return
		} else if try == 3 {
			t.Fatalf("they can be told apart: t = %.1f", score)
		}
	}
}

// wrongAt is the text with one other letter.
func wrongAt(text string, i int) string {
	other := "a"
	if text[i] == 'a' {
		other = "b"
	}
	return text[:i] + other + text[i+1:]
}

// timesOf verifies the request with both texts in random order, all of which must be refused, and gives the nanoseconds
// of each. It is the same request, and the text is at a new place each time: two requests, two maps or two places of
// the memory can be told apart by themselves.
func timesOf(t *testing.T, v *Verifier, r *Request, header []string, texts [2]string, samples int) (times [2][]float64) {
	t.Helper()
	for len(times[0]) < samples || len(times[1]) < samples {
		which := rand.IntN(2)
		header[0] = strings.Clone(texts[which])
		began := time.Now()
		err := v.Verify(r, signingTime())
		took := time.Since(began)
		if err == nil {
			t.Fatal("accepted")
		}
		times[which] = append(times[which], float64(took.Nanoseconds()))
	}
	return times
}

// welch is the t of two samples without what is slower than nine tenths of them all.
func welch(times [2][]float64) float64 {
	all := slices.Concat(times[0], times[1])
	slices.Sort(all)
	limit := all[len(all)*9/10]
	var n, mean, variance [2]float64
	for class, list := range times {
		var m2 float64
		for _, x := range list {
			if x <= limit {
				n[class]++
				off := x - mean[class]
				mean[class] += off / n[class]
				m2 += off * (x - mean[class])
			}
		}
		variance[class] = m2 / (n[class] - 1)
	}
	return (mean[0] - mean[1]) / math.Sqrt(variance[0]/n[0]+variance[1]/n[1])
}
