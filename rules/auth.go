package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// authorization is the header by which a destination knows who calls.
const authorization = "Authorization"

// OAuth2 is how a token is got for a destination: the client credentials grant of RFC 6749. Its fields must not be
// written; it is shown nowhere but by its MaskedURL.
type OAuth2 struct {
	TokenURL, MaskedURL    string // the second with secrets masked
	ClientID, ClientSecret string
	Scopes                 []string
	Params                 map[string]string // further parameters of the request for a token
	InBody                 bool              // the client's credentials stand in the body, not in a header
	TLS                    *TLS              // nil: the defaults

	sum [sha256.Size]byte // of all of it
}

// Same reports whether a token that was got for o serves for other as well. Both may be nil.
func (o *OAuth2) Same(other *OAuth2) bool {
	if o == nil || other == nil {
		return o == other
	}
	return o.sum == other.sum && o.TLS.Same(other.TLS)
}

// Hide replaces the secrets of o in a text that came from its token endpoint.
func (o *OAuth2) Hide(s string) string {
	hidden := []string{o.ClientSecret, url.QueryEscape(o.ClientSecret), basicValue(o.ClientID, o.ClientSecret)}
	for _, v := range o.Params {
		hidden = append(hidden, v)
	}
	for _, secret := range hidden {
		if len(secret) >= shortestHidden {
			s = strings.ReplaceAll(s, secret, mask)
		}
	}
	return s
}

// String shows where the token comes from, and no secret.
func (o *OAuth2) String() string { return "oauth2 by " + o.MaskedURL }

// GoString is String, for %#v.
func (o *OAuth2) GoString() string { return o.String() }

// LogValue is String, for structured logs.
func (o *OAuth2) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Authorize sets the header that proves who calls to a bearer token that was got for this attempt, hidden like any
// secret of the rules.
func (r *Request) Authorize(token string) {
	r.set(authorization, "Bearer "+token, "Bearer "+mask)
	if len(token) >= shortestHidden {
		r.secrets = append([]string{token}, r.secrets...)
	}
}

// auth reads `auth:`. A token or a password that the file knows is a header like others, with its value masked.
func (p *parser) auth(d *Destination, n *yaml.Node) {
	b, ok := p.block(n, "auth", authKeys)
	if !ok {
		return
	}
	if len(b.fields) != 1 {
		p.fault(b.node, "auth needs exactly one of bearer, basic and oauth2", "write `auth: { bearer: ${TOKEN} }`")
		return
	}
	if slices.ContainsFunc(d.out.headers, func(h header) bool { return h.name == authorization }) {
		p.fault(b.node, fmt.Sprintf("destination %q has auth and the header Authorization", d.Name), "leave one of them out")
	}
	d.authorized = true
	switch value := b.fields[0].value; b.fields[0].key.Value {
	case "bearer":
		token, ok := p.reference(value, "bearer")
		if ok && !isToken68(token) {
			p.fault(value, "bearer is not a token", "it is empty, or holds white space or a character that no token has")
		}
		d.out.headers = append(d.out.headers, secretHeader("Bearer ", token))
	case "basic":
		p.basic(d, value)
	case "oauth2":
		d.OAuth2 = p.oauth2(value)
	}
}

// isToken68 is what RFC 9110 lets stand behind a scheme's name, and whatever else can be printed without white space.
func isToken68(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// secretHeader is an Authorization header of which only the scheme is shown.
func secretHeader(scheme, secret string) header {
	return header{authorization, text{[]part{{literal: scheme}, {literal: secret, secret: true}}}}
}

func (p *parser) basic(d *Destination, n *yaml.Node) {
	b, ok := p.block(n, "basic", basicKeys)
	if !ok {
		return
	}
	name, password := b.get("username"), b.get("password")
	if name == nil || password == nil {
		p.fault(b.node, "basic needs username and password", "write `basic: { username: NAME, password: ${PASSWORD} }`")
		return
	}
	user, okUser := p.value(name, "username")
	pass, okPass := p.reference(password, "password")
	switch {
	case !okUser || !okPass:
	case strings.Contains(user, ":"):
		p.fault(name, "username holds a colon, where the password would begin", "choose a name without one")
	case !printable(user) || !printable(pass):
		p.fault(b.node, "username or password holds a control character", "look for a line break in what the reference names")
	default:
		d.out.headers = append(d.out.headers, secretHeader("Basic ", basicValue(user, pass)))
		d.hidden = append(d.hidden, text{[]part{{literal: pass, secret: true}}})
	}
}

func basicValue(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func (p *parser) oauth2(n *yaml.Node) *OAuth2 {
	b, ok := p.block(n, "oauth2", oauth2Keys)
	if !ok {
		return nil
	}
	o := &OAuth2{Params: map[string]string{}}
	for _, key := range []string{"token_url", "client_id", "client_secret"} {
		if b.get(key) == nil {
			p.fault(b.node, "oauth2 has no "+key, "write `oauth2: { token_url: https://…, client_id: NAME, client_secret: ${SECRET} }`")
		}
	}
	if n := b.get("token_url"); n != nil {
		p.tokenURL(o, n)
	}
	if n := b.get("client_id"); n != nil {
		o.ClientID, _ = p.value(n, "client_id")
	}
	if n := b.get("client_secret"); n != nil {
		o.ClientSecret, _ = p.reference(n, "client_secret")
	}
	if n := b.get("scopes"); n != nil {
		for _, x := range p.list(n, "scopes") {
			scope, _ := p.value(x, "scopes")
			o.Scopes = append(o.Scopes, scope)
		}
	}
	if n := b.get("params"); n != nil {
		fields, _ := p.mapping(n, "params")
		for _, f := range fields {
			o.Params[f.key.Value], _ = p.value(f.value, "params."+f.key.Value)
		}
	}
	if n := b.get("client_auth"); n != nil {
		o.InBody = p.word(n, "client_auth", "basic", "post") == "post"
	}
	if n := b.get("tls"); n != nil {
		o.TLS = p.tls(n)
	}
	o.sum = sha256.Sum256(fmt.Appendf(nil, "%q", []any{o.TokenURL, o.ClientID, o.ClientSecret, o.Scopes, o.Params, o.InBody}))
	return o
}

func (p *parser) tokenURL(o *OAuth2, n *yaml.Node) {
	t, ok := p.text(n, "token_url", false)
	if !ok {
		return
	}
	o.TokenURL, o.MaskedURL = t.plain(), t.masked()
	if bad := checkURL(o.TokenURL); bad != "" {
		p.fault(n, "token_url "+bad, "write it like https://login.example.com/oauth2/token")
	} else if strings.HasPrefix(o.TokenURL, "http://") {
		p.warn(n, codePlain, "token_url is not https: the client's secret can be read on the way", "write https://…")
	}
}

// reference reads a secret, which must come from outside of the file.
func (p *parser) reference(n *yaml.Node, what string) (string, bool) {
	t, ok := p.text(n, what, false)
	if !ok {
		return "", false
	}
	s := t.plain()
	p.hide(s)
	if !slices.ContainsFunc(t.parts, func(x part) bool { return x.secret }) {
		p.hideAll(n)
		p.fault(n, what+" must be a reference, not the secret itself", "write ${NAME} or ${file:/path}")
		return "", false
	}
	return s, true
}

// unauthorized reports routes that set the header which a destination's auth sets.
func (p *parser) unauthorized(r *Route, at *yaml.Node) {
	if !slices.ContainsFunc(r.spec.headers, func(h header) bool { return h.name == authorization }) {
		return
	}
	for _, d := range r.spec.targets {
		if d.authorized {
			p.fault(at, fmt.Sprintf("route %q sets the header Authorization, and its destination %q has auth", r.Name, d.Name), "leave one of them out")
		}
	}
}
