package verify

import (
	"fmt"
	"net/http"
	"path"
	"strings"
)

// Sample makes an unsigned, realistic request of a preset; "" is its first sample event. Sign it with a Verifier. Every
// call returns a request of its own with the same content.
func Sample(name, eventType string) (*Request, error) { return SampleN(name, eventType, 0) }

// SampleN is the n-th variant of a Sample: same size and shape, but another event by the sender's ids, so that no two
// are duplicates. 0 is the sample itself; n is below 100 million.
func SampleN(name, eventType string, n int) (*Request, error) {
	p, ok := Lookup(name)
	if !ok {
		return nil, fmt.Errorf("unknown preset %q", name)
	}
	info, err := p.sample(eventType)
	if err != nil {
		return nil, err
	}
	body := []byte(info.Text)
	if info.Body != "" {
		if body, err = providers.ReadFile(path.Join("providers", "samples", info.Body)); err != nil {
			return nil, fmt.Errorf("preset %q: no sample file %s", name, info.Body)
		}
	}
	vary := variant(info.Vary, n)
	r := &Request{Method: info.Method, URL: "/in/" + name, Header: make(map[string][]string)}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if info.Query != "" {
		r.URL += "?" + vary.Replace(info.Query)
	}
	r.Body = []byte(vary.Replace(string(body)))
	for header, value := range info.Headers {
		r.set(canonical(header), vary.Replace(value))
	}
	return r, nil
}

func (p *Preset) sample(event string) (SampleInfo, error) {
	var known []string
	for _, info := range p.Samples {
		if event == "" || info.Event == event {
			return info, nil
		}
		known = append(known, info.Event)
	}
	if len(known) == 0 {
		return SampleInfo{}, fmt.Errorf("preset %q: no samples", p.Name)
	}
	return SampleInfo{}, fmt.Errorf("preset %q: no sample of %q; there are %s", p.Name, event, strings.Join(known, ", "))
}

// variant replaces the end of each text by the decimal digits of n, which look right in numbers, hex and other ids, and
// keeps its length.
func variant(texts []string, n int) *strings.Replacer {
	var pairs []string
	for _, text := range texts {
		digits := fmt.Sprintf("%0*d", min(8, len(text)), n)
		if n > 0 && len(digits) <= len(text) {
			pairs = append(pairs, text, text[:len(text)-len(digits)]+digits)
		}
	}
	return strings.NewReplacer(pairs...)
}
