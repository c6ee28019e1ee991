package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCatalogIsSound(t *testing.T) {
	found, problems := readCatalog(providers)
	for name, list := range problems {
		t.Errorf("providers/%s.yaml: %v", name, list)
	}
	for _, name := range []string{"contentful", "github", "slack", "standard-webhooks", "stripe"} {
		if found.byName[name] == nil {
			t.Errorf("preset %s missing", name)
		}
	}
	for name, p := range found.byName {
		if p.Title == "" || !strings.HasPrefix(p.Docs, "https://") || p.Note == "" {
			t.Errorf("%s: title, docs and note are needed", name)
		}
		if p.Type == "" || p.Dedupe == "" {
			t.Errorf("%s: type and dedupe must be declared", name)
		}
		if p.Verified == "" {
			t.Errorf("%s: verified must say how sure we are", name)
		}
		if wide := p.Verify.replayable(); p.Dedupe != "none" && p.DedupeFor < wide {
			t.Errorf("%s: a key kept for %v does not cover the %v in which a request can be replayed", name, p.DedupeFor, wide)
		}
	}
}

// replayable is how long a request with a time in it can be sent again.
func (s Scheme) replayable() (wide time.Duration) {
	for _, one := range s.all() {
		if one.Timestamp != nil {
			past, future := one.Timestamp.window()
			wide = max(wide, past+future)
		}
	}
	return wide
}

func TestSamples(t *testing.T) {
	for _, name := range Names() {
		p, _ := Lookup(name)
		for _, info := range p.Samples {
			t.Run(name+" "+info.Event, func(t *testing.T) {
				r, err := Sample(name, info.Event)
				if err != nil {
					t.Fatal(err)
				}
				wellFormed(t, r)
				SignSample(t, p, r, signingTime())
			})
		}
	}
}

func wellFormed(t *testing.T, r *Request) {
	t.Helper()
	kind := strings.Join(r.Header["Content-Type"], "")
	switch {
	case len(r.Body) == 0:
	case strings.Contains(kind, "json"):
		if !json.Valid(r.Body) {
			t.Errorf("%s is not JSON: %.80s", kind, r.Body)
		}
	case strings.Contains(kind, "urlencoded"):
		if _, err := url.ParseQuery(string(r.Body)); err != nil {
			t.Error(err)
		}
	case !strings.Contains(kind, "xml") && !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "multipart/form-data"):
		t.Errorf("content type %q", kind)
	}
}

// Variants are other events of the same size, for load and for sending several.
func TestSampleVariants(t *testing.T) {
	for _, name := range Names() {
		first := sampleOf(t, name)
		seen := map[string]int{string(first.Body) + first.id(): 0}
		for _, n := range []int{1, 2, 10, 999, 12_345_678} {
			r, err := SampleN(name, "", n)
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, r)
			if len(r.Body) != len(first.Body) {
				t.Errorf("%s %d: %d bytes, the sample has %d", name, n, len(r.Body), len(first.Body))
			}
			key := string(r.Body) + r.id()
			if other, twice := seen[key]; twice {
				t.Errorf("%s: variants %d and %d are equal", name, other, n)
			}
			seen[key] = n
		}
	}
}

func (r *Request) id() string { return fmt.Sprint(r.Header) }

func TestSamplesAreOwn(t *testing.T) {
	a, b := sampleOf(t, "github"), sampleOf(t, "github")
	a.Body[0], a.Header["X-Github-Event"][0] = 'x', "x"
	if bytes.Equal(a.Body, b.Body) || b.Header["X-Github-Event"][0] == "x" || sampleOf(t, "github").Body[0] == 'x' {
		t.Error("two samples share memory")
	}
}

func TestUnknownSamples(t *testing.T) {
	if _, err := Sample("nobody", ""); err == nil || err.Error() != `unknown preset "nobody"` {
		t.Errorf("got %v", err)
	}
	want := `preset "stripe": no sample of "push"; there are invoice.paid, checkout.session.completed`
	if _, err := Sample("stripe", "push"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDedupeFor(t *testing.T) {
	for dedupe, want := range map[string]time.Duration{"": 0, "none": 0, "digest": 10 * time.Minute, "body.id": 24 * time.Hour} {
		if got := DedupeFor(dedupe); got != want {
			t.Errorf("%q: %v, want %v", dedupe, got, want)
		}
	}
}
