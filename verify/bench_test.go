package verify

import (
	"bytes"
	"testing"
)

// bodySize is a usual GitHub push.
const bodySize = 6700

func signedPush(tb testing.TB, preset string) (*Verifier, *Request) {
	p, _ := Lookup(preset)
	v := mustNew(tb, p.Verify, secretFor(p.Verify, 'a'))
	r := sampleOf(tb, preset)
	r.Body = bytes.Repeat([]byte("x"), bodySize)
	if err := v.Sign(r, signingTime()); err != nil {
		tb.Fatal(err)
	}
	return v, r
}

func BenchmarkVerify(b *testing.B) {
	for _, preset := range Names() {
		b.Run(preset, func(b *testing.B) {
			v, r := signedPush(b, preset)
			b.SetBytes(bodySize)
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Verify(r, signingTime()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyParallel(b *testing.B) {
	v, r := signedPush(b, "github")
	b.SetBytes(bodySize)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := v.Verify(r, signingTime()); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkRefuse is the flood of requests that are not signed at all.
func BenchmarkRefuse(b *testing.B) {
	v, r := signedPush(b, "github")
	r.Header["X-Hub-Signature-256"] = []string{"sha256=nothing"}
	b.ReportAllocs()
	for b.Loop() {
		if v.Verify(r, signingTime()) == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkAnswerEvent(b *testing.B) {
	p, _ := Lookup("slack")
	r := sampleOf(b, "slack")
	b.ReportAllocs()
	for b.Loop() {
		if _, is := Answer(p.Handshake, r, nil, true); is {
			b.Fatal("taken for a handshake")
		}
	}
}

// Verification is on the way of every request: it may not make work for the garbage collector. (Under the race
// detector pools forget, so a few are allowed.)
func TestVerifyAllocatesLittle(t *testing.T) {
	for preset, most := range map[string]float64{"github": 7, "stripe": 7, "slack": 7, "standard-webhooks": 7, "contentful": 30} {
		v, r := signedPush(t, preset)
		got := testing.AllocsPerRun(200, func() {
			if err := v.Verify(r, signingTime()); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%s: %.1f allocations, want at most %.0f", preset, got, most)
		}
	}
}
