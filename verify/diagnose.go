package verify

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// Diagnose says what would have made a signature match that did not: a secret taken otherwise, a body as it was before
// something changed it, another address. "" when nothing of that is it. It tries many ways, so it is for people who ask,
// not for the way of every request; what it says holds no secret and no signature.
func (v *Verifier) Diagnose(r *Request, now time.Time) string {
	if v == nil || !isRefusal(v.Verify(r, now)) {
		return ""
	}
	for _, guess := range v.guesses(r) {
		other, err := New(guess.scheme, guess.keys)
		if err == nil && other.Verify(guess.request, now) == nil {
			return guess.says
		}
	}
	return ""
}

// guess is a way in which the request would be proved.
type guess struct {
	says    string
	scheme  Scheme
	keys    Keys
	request *Request
}

func (v *Verifier) guesses(r *Request) (all []guess) {
	for _, s := range v.scheme.all() {
		for _, k := range secretsOtherwise(s, v.secrets()) {
			all = append(all, guess{k.says, k.scheme, k.keys, r})
		}
		for _, e := range bodiesBefore(r.Body) {
			changed := *r
			changed.Body = e.body
			all = append(all, guess{e.says, s, v.secrets(), &changed})
		}
		if s.uses(func(p part) bool { return p.kind == partURL || p.kind == partPath || p.kind == partCanonical }) {
			for _, address := range addressesNear(v.open.PublicURL) {
				k := v.secrets()
				k.PublicURL = address
				all = append(all, guess{"the sender signed another address: " + address + "; say it under public_url", s, k, r})
			}
		}
	}
	return all
}

func (v *Verifier) secrets() Keys {
	k := v.open
	k.Secrets = v.given
	return k
}

// secretsOtherwise takes the secrets as another kind of text.
func secretsOtherwise(s Scheme, k Keys) (all []guess) {
	for _, encoding := range []string{"raw", "base64", "hex"} {
		other := s
		if other.Key.Encoding = encoding; encoding != s.Key.Encoding && (encoding != "raw" || s.Key.Encoding != "") {
			all = append(all, guess{says: "it matches when the secret is taken as " + encoding + ": say key: { encoding: " + encoding + " }", scheme: other, keys: k})
		}
	}
	if len(s.Key.Strip) > 0 {
		whole := s
		whole.Key = Key{}
		all = append(all, guess{says: "it matches when the secret is taken whole, as it stands: say no key: { strip: … }", scheme: whole, keys: k})
	} else {
		coded := s
		coded.Key.Strip, coded.Key.Encoding = Texts{sharedPrefix}, "base64"
		all = append(all, guess{says: "it matches when whsec_ is taken off the secret and the rest as base64: say key: { strip: whsec_, encoding: base64 }", scheme: coded, keys: k})
	}
	trimmed := k
	trimmed.Secrets = nil
	for _, secret := range k.Secrets {
		trimmed.Secrets = append(trimmed.Secrets, strings.TrimSpace(secret))
	}
	return append(all, guess{says: "it matches without the white space around the secret", scheme: s, keys: trimmed})
}

// earlier is a body as it may have been, and what that means.
type earlier struct {
	says string
	body []byte
}

// bodiesBefore are what a body may have been before something on the way changed it, the smallest change first.
func bodiesBefore(body []byte) []earlier {
	all := []earlier{
		{"it matches without the line end behind the body: something added it", bytes.TrimRight(body, "\r\n")},
		{"it matches with a line end behind the body: something took it away", append(bytes.Clone(body), '\n')},
		{"it matches with line ends of two characters: something changed them", bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))},
		{"it matches with line ends of one character: something changed them", bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))},
		{"it matches without the byte order mark before the body: something put it there", bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))},
		{"it matches an empty body: the sender signed none, or something added one", nil},
	}
	var compact, spaced bytes.Buffer
	if json.Compact(&compact, body) == nil {
		all = append(all, earlier{"it matches the JSON without spaces: something wrote the body anew", compact.Bytes()})
	}
	if json.Indent(&spaced, body, "", "  ") == nil {
		all = append(all, earlier{"it matches the JSON with indents: something wrote the body anew", spaced.Bytes()})
	}
	return all
}

// addressesNear are spellings of an address that are easily taken for one another.
func addressesNear(address string) (all []string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil
	}
	for _, scheme := range []string{"https", "http"} {
		for _, host := range []string{u.Host, u.Hostname(), u.Hostname() + ":443", u.Hostname() + ":80"} {
			for _, path := range []string{u.EscapedPath(), strings.TrimSuffix(u.EscapedPath(), "/"), strings.TrimSuffix(u.EscapedPath(), "/") + "/"} {
				near := scheme + "://" + host + path
				if u.RawQuery != "" {
					near += "?" + u.RawQuery
				}
				if near != address {
					all = append(all, near)
				}
			}
		}
	}
	return all
}
