package ingest

import (
	"net/http"
	"slices"
	"strings"
)

// Masked stands where a secret value was.
const Masked = "***"

// telling are parts of names of headers whose values are secrets.
var telling = [...]string{"auth", "cookie", "token", "secret", "password", "api-key", "apikey", "credential", "session"}

// Mask copies h with the values of secret headers replaced: those named in secret (as a verifier declares them), and
// those whose name tells that they carry one. Signatures stay: they prove one request and open nothing else.
func Mask(h map[string][]string, secret []string) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		if isSecret(name, secret) {
			values = slices.Repeat([]string{Masked}, len(values))
		}
		out[name] = values
	}
	return out
}

func isSecret(name string, secret []string) bool {
	if slices.ContainsFunc(secret, func(s string) bool { return strings.EqualFold(s, name) }) {
		return true
	}
	name = strings.ToLower(name)
	return slices.ContainsFunc(telling[:], func(part string) bool { return strings.Contains(name, part) })
}
