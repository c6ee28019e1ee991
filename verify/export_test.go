package verify

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// SignSample signs r by the first of the preset's schemes that can, and wants the preset to accept it.
func SignSample(t testing.TB, p *Preset, r *Request, at time.Time) {
	t.Helper()
	var reasons []error
	for _, one := range p.Verify.all() {
		if one.Kind == KindNone {
			return
		}
		signed := &Request{Method: r.Method, URL: r.URL, Header: maps.Clone(r.Header), Body: slices.Clone(r.Body)}
		v, err := New(one, keysFor(t, one, 'a', example(p)))
		if err == nil {
			err = v.Sign(signed, at)
		}
		if err == nil {
			err = v.Verify(signed, at)
		}
		if err == nil {
			*r = *signed
			return
		}
		reasons = append(reasons, err)
	}
	t.Fatal(p.Name, reasons)
}
