package rules

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// telling are parts of names of headers whose values are secrets.
var telling = [...]string{"auth", "cookie", "token", "secret", "password", "api-key", "apikey", "credential", "session"}

// Mask copies h with the values of secret headers replaced: those named in secret (as a verifier declares them), and
// those whose name tells that they carry one. Signatures stay: they prove one request and open nothing else.
func Mask(h map[string][]string, secret []string) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		if isSecret(name, secret) {
			values = slices.Repeat([]string{mask}, len(values))
		}
		out[name] = values
	}
	return out
}

// Clean gives headers and raw query of a verified request without the values that are the sender's secret itself, as
// they are stored. They have done their work: what is not stored cannot leak from the data directory, nor to a
// destination under rules that no longer know which header it was. The rest stays as it came; h is not written.
func (src *Source) Clean(h map[string][]string, query string) (map[string][]string, string) {
	if len(src.secretHeaders) > 0 {
		h = maps.Clone(h)
	}
	for _, name := range src.secretHeaders {
		if values, ok := h[name]; ok {
			h[name] = slices.Repeat([]string{mask}, len(values))
		}
	}
	if src.Verifier == nil || len(src.Verifier.SecretQuery()) == 0 {
		return h, query
	}
	return h, maskQuery(query, func(name string) bool { return slices.Contains(src.Verifier.SecretQuery(), name) })
}

// MaskQuery replaces the values of those parameters of a raw query whose name tells that they carry a secret.
func MaskQuery(query string) string {
	return maskQuery(query, func(name string) bool { return isSecret(name, nil) })
}

func maskQuery(query string, secret func(name string) bool) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		key, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(key); err != nil || secret(name) {
			parts[i] = key + "=" + mask
		}
	}
	return strings.Join(parts, "&")
}

func isSecret(name string, secret []string) bool {
	if slices.ContainsFunc(secret, func(s string) bool { return strings.EqualFold(s, name) }) {
		return true
	}
	name = strings.ToLower(name)
	return slices.ContainsFunc(telling[:], func(part string) bool { return strings.Contains(name, part) })
}
