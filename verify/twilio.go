package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// twilioDigest is the parameter of the address by which Twilio binds a body that is no form.
const twilioDigest = "bodySHA256"

// twilioRequest is what Twilio signs: the address, and the fields of a form. A body of another kind is bound by its hash
// in the address, which is compared here. Source: the request validator of Twilio's own libraries.
func twilioRequest(s *scene) (string, error) { return twilioSigned(s, s.target()) }

// twilioBare and twilioPort are the same without a port in the address, and with the one that its scheme means: which of
// them Twilio signs differs from product to product.
func twilioBare(s *scene) (string, error) { return twilioSigned(s, withPort(s.target(), "")) }

func twilioPort(s *scene) (string, error) {
	target := s.target()
	if strings.HasPrefix(target, "http://") {
		return twilioSigned(s, withPort(target, ":80"))
	}
	return twilioSigned(s, withPort(target, ":443"))
}

// withPort replaces the port of an absolute address; one that has a port keeps it unless the new one is empty.
func withPort(address, port string) string {
	scheme, rest, absolute := strings.Cut(address, "://")
	if !absolute {
		return address
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		if port != "" {
			return address
		}
		host = host[:colon]
	}
	return scheme + "://" + host + port + tail
}

func twilioSigned(s *scene, target string) (string, error) {
	_, query := splitURL(s.r.URL)
	if count(query, twilioDigest) == 0 {
		return formAfter(s, target)
	}
	want, err := s.r.query(twilioDigest)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(s.r.Body)
	if !equal(hex.EncodeToString(sum[:]), want) {
		return "", refuse("the body is not the one that %s in the address names", twilioDigest)
	}
	return target, nil
}

// sortedForm is the address followed by the name and value of each field of a urlencoded body, sorted by name. A body
// that is no form is refused: nothing of it would be signed.
func sortedForm(s *scene) (string, error) { return formAfter(s, s.target()) }

func formAfter(s *scene, target string) (string, error) {
	if len(s.r.Body) > 0 && !strings.HasPrefix(strings.Join(s.r.Header["Content-Type"], ","), "application/x-www-form-urlencoded") {
		return "", refuse("the body is not a form, and nothing else binds it")
	}
	fields, err := s.r.sortedFields("")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(target)
	for _, f := range fields {
		b.WriteString(f[0])
		b.WriteString(f[1])
	}
	return b.String(), nil
}
