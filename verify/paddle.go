package verify

import (
	"fmt"
	"strings"
)

// paddleFields are the fields of Paddle Classic's form, without the signature, as PHP's serialize writes them: sorted by
// name, all of them texts, lengths in bytes. Source: Paddle's documentation of classic webhooks.
func paddleFields(s *scene) (string, error) {
	fields, err := s.r.sortedFields("p_signature")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "a:%d:{", len(fields))
	for _, f := range fields {
		fmt.Fprintf(&b, "s:%d:\"%s\";s:%d:\"%s\";", len(f[0]), f[0], len(f[1]), f[1])
	}
	b.WriteString("}")
	return b.String(), nil
}
