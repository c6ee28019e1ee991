package rules

import (
	"cmp"
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/verify"
)

// proof makes the verifier of a source.
func (p *parser) proof(src *Source, key *yaml.Node, b block, scheme *verify.Scheme) {
	if scheme != nil && scheme.Kind == verify.KindNone {
		p.unverified(src, b)
		return
	}
	at := b.get("secret")
	if at == nil && b.get("preset") == nil && b.get("verify") == nil {
		return // already reported
	}
	k, ok := p.keysOf(src, b)
	switch {
	case scheme == nil:
		return // already reported
	case !ok:
		p.onPaper(src, scheme, k)
		return
	case at == nil && src.learns():
		p.learner(src, scheme, k)
		return
	case at == nil && len(k.Public) == 0 && scheme.NeedsSecret():
		p.fault(key, fmt.Sprintf("source %q has no secret", src.Name),
			fmt.Sprintf("write `secret: ${%s_SECRET}`", strings.ToUpper(strings.ReplaceAll(src.Name, "-", "_"))))
		return
	case at == nil:
		at = key
	}
	v, err := verify.New(*scheme, k)
	if err != nil {
		p.fault(at, fmt.Sprintf("source %q: %v", src.Name, err), keyHint(err))
		return
	}
	for _, w := range scheme.CheckKeys(k) {
		p.warn(at, codeSecretForm, fmt.Sprintf("source %q: %s", src.Name, w), "copy it again from the sender's settings")
	}
	src.Verifier = v
	src.secretHeaders = canonicalNames(v.SecretHeaders())
}

// keyHint says under which key what is missing is given.
func keyHint(err error) string {
	switch text := err.Error(); {
	case strings.HasPrefix(text, "key missing"):
		return "give it under `key`: PEM, hex, base64 or JWKS, best as ${file:/path}"
	case strings.HasPrefix(text, "public_url missing"):
		return "write `public_url: https://…`, as the sender was told it"
	}
	return ""
}

func canonicalNames(names []string) (all []string) {
	for _, name := range names {
		all = append(all, textproto.CanonicalMIMEHeaderKey(name))
	}
	return all
}

// learns reports whether the sender may give the secret itself, by a handshake.
func (src *Source) learns() bool {
	return slices.ContainsFunc(src.Handshakes, func(h verify.Handshake) bool { return h.Learn != "" })
}

// onPaper finds out where a secret that is not known would stand.
func (p *parser) onPaper(src *Source, scheme *verify.Scheme, k verify.Keys) {
	k.Secrets = []string{strings.Repeat("x", shortSecret)}
	if v, err := verify.New(*scheme, k); err == nil {
		src.secretHeaders = canonicalNames(v.SecretHeaders())
	}
}

// learner lets a source begin without a secret: nothing is proved before the sender gave one.
func (p *parser) learner(src *Source, scheme *verify.Scheme, k verify.Keys) {
	with := func(secret string) (*verify.Verifier, error) {
		own := k
		own.Secrets = []string{secret}
		return verify.New(*scheme, own)
	}
	p.onPaper(src, scheme, k)
	src.Learn = with
}

// keysOf reads what a source adds to its scheme.
func (p *parser) keysOf(src *Source, b block) (k verify.Keys, ok bool) {
	k, ok = verify.Keys{Fetch: p.o.Fetch}, true
	if n := b.get("secret"); n != nil {
		k.Secrets = p.readSecrets(src, n)
		ok = len(k.Secrets) > 0
	}
	if n := b.get("key"); n != nil {
		for _, x := range p.list(n, "key") {
			text, read := p.value(x, "key")
			if _, err := verify.ParsePublic(text); read && err != nil {
				p.hide(text) // it may be a secret that was put there by mistake
				p.fault(x, fmt.Sprintf("the key of source %q %v", src.Name, err), "PEM, hex, base64 or JWKS, best as ${file:/path}")
				read = false
			}
			k.Public, ok = append(k.Public, text), ok && read
		}
	}
	if n := b.get("public_url"); n != nil {
		k.PublicURL = p.publicURL(n)
		ok = ok && k.PublicURL != ""
	}
	with, given := p.parameters(src, b)
	k.With = with
	return k, ok && given
}

func (p *parser) publicURL(n *yaml.Node) string {
	text, ok := p.value(n, "public_url")
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		p.fault(n, fmt.Sprintf("public_url %q is not an address", clip(n.Value)), "write it as the sender was told it: https://hooks.example.com/in/NAME")
		return ""
	}
	p.publicHosts = append(p.publicHosts, u.Host)
	return text
}

// parameters reads `with`, which must fit what the preset asks for.
func (p *parser) parameters(src *Source, b block) (map[string]string, bool) {
	with, ok := map[string]string{}, true
	var known []string
	for _, param := range src.params {
		known = append(known, param.Name)
	}
	n := b.get("with")
	if n != nil {
		fields, is := p.mapping(n, "with")
		ok = is
		for _, f := range fields {
			name := f.key.Value
			if src.Preset != "" && b.get("verify") == nil && !slices.Contains(known, name) {
				p.fault(f.key, fmt.Sprintf("preset %q has no parameter %q", src.Preset, clip(name)), cmp.Or(didYouMean(name, known), "remove it: `hookrouter preset show` lists what the preset asks for"))
				ok = false
				continue
			}
			text, read := p.value(f.value, "with."+name)
			p.hide(text)
			with[name], ok = text, ok && read && !p.unset[f.value]
		}
	}
	for _, param := range src.params {
		if param.Required && with[param.Name] == "" && ok {
			at := b.get("preset")
			p.fault(at, fmt.Sprintf("source %q: preset %q needs the parameter %q", src.Name, src.Preset, param.Name),
				fmt.Sprintf("write `with: { %s: … }`: %s", param.Name, param.Note))
			ok = false
		}
	}
	if ok {
		p.unanswered(src, b, with)
	}
	return with, ok
}

// unanswered warns of handshakes that are refused for want of a parameter that need not be given.
func (p *parser) unanswered(src *Source, b block, with map[string]string) {
	for _, param := range src.params {
		asks := slices.IndexFunc(src.Handshakes, func(h verify.Handshake) bool {
			return slices.Contains(slices.Collect(maps.Values(h.Must)), "{with:"+param.Name+"}")
		})
		if asks >= 0 && with[param.Name] == "" {
			p.warn(b.get("preset"), codeHandshake, fmt.Sprintf("source %q refuses the handshake %q of its sender: it has no parameter %q", src.Name, src.Handshakes[asks].Name, param.Name),
				fmt.Sprintf("write `with: { %s: … }`: %s", param.Name, param.Note))
		}
	}
}

const sayProof = "say how it proves itself with `preset` or `verify`, or accept this: # allow: unverified"

// unverified is a source that proves nothing. It has a verifier only for its handshakes, when they need parameters.
func (p *parser) unverified(src *Source, b block) {
	src.Unverified = true
	if with, ok := p.parameters(src, b); ok && len(with) > 0 {
		src.Verifier, _ = verify.New(verify.Scheme{Kind: verify.KindNone}, verify.Keys{With: with}) // none has nothing to refuse
	}
	for _, key := range []string{"secret", "key"} {
		if n := b.get(key); n != nil {
			p.fault(n, fmt.Sprintf("`verify: none` excludes `%s`", key), "remove one of the two")
		}
	}
	at := b.get("verify")
	if at == nil {
		return
	}
	switch {
	case len(src.AllowIP) > 0:
		p.warn(at, codeUnverified, fmt.Sprintf("source %q takes requests from anybody at its allow_ip", src.Name), sayProof)
	case !p.o.PublicLoopback && !p.o.AllowUnverified:
		p.fault(at, fmt.Sprintf("source %q takes requests from anybody", src.Name),
			"say who with `allow_ip`, listen on loopback (--listen 127.0.0.1:8080 or HOOKROUTER_LISTEN), or run with --allow-unverified")
	default:
		p.warn(at, codeUnverified, fmt.Sprintf("source %q takes requests from anybody", src.Name), sayProof)
	}
}
