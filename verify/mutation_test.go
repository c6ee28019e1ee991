package verify

import (
	"bytes"
	"testing"
)

// TestEveryBitCounts: of a body of 1 KiB, and of what else is signed, no bit can be changed.
func TestEveryBitCounts(t *testing.T) {
	body := bytes.Repeat([]byte(`{"id":1,"name":"a cold cache"} `), 34)[:1024]
	for name, c := range map[string]struct {
		scheme string
		every  int // bits from one that is changed to the next: public keys are slow
	}{
		"sha1":    {`{kind: hmac, algorithm: sha1, signature: {header: X-Sig}}`, 1},
		"sha256":  {`{kind: hmac, encoding: base64, signature: {header: X-Sig}, content: "{header:x-id}.{ts}.{body}", timestamp: {header: X-Time}}`, 1},
		"sha384":  {`{kind: hmac, algorithm: sha384, signature: {header: X-Sig}}`, 1},
		"sha512":  {`{kind: hmac, algorithm: sha512, encoding: base64url, signature: {header: X-Sig}, content: "{body}{ts}", timestamp: {header: X-Time, unit: ms}}`, 1},
		"hash":    {`{kind: hash, signature: {header: X-Sig}, content: "{secret}{body}"}`, 1},
		"jwt":     {`{kind: jwt, algorithm: HS256, token: {header: X-Sig}, claims: {hash: "{body|sha256|hex}"}}`, 3},
		"ed25519": {`{kind: ed25519, signature: {header: X-Sig}, content: "{ts}{body}", timestamp: {header: X-Time}}`, 23},
		"ecdsa":   {`{kind: ecdsa, encoding: base64, signature: {header: X-Sig}}`, 23},
		"rsa":     {`{kind: rsa, encoding: base64, signature: {header: X-Sig}}`, 23},
		"pss":     {`{kind: rsa, padding: pss, encoding: base64, signature: {header: X-Sig}}`, 23},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustScheme(t, c.scheme)
			v, err := New(s, keysFor(t, s, 'a', nil))
			if err != nil {
				t.Fatal(err)
			}
			r := &Request{Method: "POST", URL: "/in/x", Header: map[string][]string{"X-Id": {"msg_2Qexample"}}, Body: bytes.Clone(body)}
			if err := v.Sign(r, signingTime()); err != nil {
				t.Fatal(err)
			}
			for bit := 0; bit < 8*len(body); bit += c.every {
				r.Body[bit/8] ^= 1 << (bit % 8)
				if v.Verify(r, signingTime()) == nil {
					t.Fatalf("bit %d of the body does not count", bit)
				}
				r.Body[bit/8] ^= 1 << (bit % 8)
			}
			for header, values := range r.Header {
				if header == "X-Id" && name != "sha256" {
					continue // nobody signs it
				}
				text := []byte(values[0])
				for bit := range 8 * len(text) {
					text[bit/8] ^= 1 << (bit % 8)
					r.Header[header] = []string{string(text)}
					if v.Verify(r, signingTime()) == nil {
						t.Fatalf("bit %d of %s does not count", bit, header)
					}
					text[bit/8] ^= 1 << (bit % 8)
				}
				r.Header[header] = values
			}
			if err := v.Verify(r, signingTime()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
