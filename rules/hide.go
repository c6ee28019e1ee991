package rules

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

const (
	// shortestHidden: what is shorter stands in many a text by chance. In bytes.
	shortestHidden = 6
	// cutHidden is how much of a secret must stand at the end of a cut text to be taken for one. In bytes.
	cutHidden = 4
)

// Hide replaces the values of references that stand in the request by *** in what came back for it: a destination, or
// a proxy on the way, may repeat what it was sent. cut says that s is only the beginning of a longer text, so that it
// may end within such a value.
func (r *Request) Hide(s string, cut bool) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, mask)
	}
	if !cut {
		return s
	}
	for _, secret := range r.secrets {
		for n := len(secret) - 1; n >= cutHidden; n-- {
			if rest, is := strings.CutSuffix(s, secret[:n]); is {
				return rest + mask
			}
		}
	}
	return s
}

// secretsOf are the values of references in texts of the rules, as written and as they stand in a URL; the longest
// first, as one may be a part of another.
func secretsOf(texts ...text) (secrets []string) {
	for _, t := range texts {
		for _, x := range t.parts {
			if !x.secret || len(x.literal) < shortestHidden {
				continue
			}
			secrets = append(secrets, x.literal, url.QueryEscape(x.literal), url.PathEscape(x.literal))
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(secrets)
}

// hides gives, by destination, the secrets that requests of the route hold; nil when there are none.
func (r *routeSpec) hides() map[string][]string {
	hidden := map[string][]string{}
	for _, d := range r.targets {
		if secrets := r.secrets(d); len(secrets) > 0 {
			hidden[d.Name] = secrets
		}
	}
	if len(hidden) == 0 {
		return nil
	}
	return hidden
}

func (r *routeSpec) secrets(d *Destination) []string {
	texts := append([]text{d.out.url.text}, d.hidden...)
	for _, x := range d.out.query {
		texts = append(texts, x.value)
	}
	for _, list := range [...][]header{d.out.headers, r.headers} {
		for _, h := range list {
			texts = append(texts, h.value)
		}
	}
	return secretsOf(texts...)
}
