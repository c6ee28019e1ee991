package verify

import (
	"encoding/base64"
	"encoding/hex"
)

// coding is how a signature is written. Decoding is strict: one text for each value, the one that senders write, so
// that a signature cannot be varied: no upper-case hex, no missing padding, no stray bits, no line breaks.
type coding string

const (
	codingHex       coding = "hex"
	codingBase64    coding = "base64"
	codingBase64URL coding = "base64url"
)

// maxSum is the longest hash in bytes, sha512's.
const maxSum = 64

// decode fills dst and reports whether s is exactly its encoding.
func (c coding) decode(dst []byte, s string) bool {
	if c == codingHex {
		return decodeHex(dst, s)
	}
	enc := c.base64()
	if len(s) != enc.EncodedLen(len(dst)) {
		return false
	}
	var src, out [96]byte // base64 of 64 bytes is 88 long
	n, err := enc.Decode(out[:], src[:copy(src[:], s)])
	return err == nil && n == len(dst) && copy(dst, out[:n]) == n
}

func (c coding) encode(sum []byte) string {
	if c == codingHex {
		return hex.EncodeToString(sum)
	}
	return c.base64().EncodeToString(sum)
}

func (c coding) base64() *base64.Encoding {
	if c == codingBase64URL {
		return base64.RawURLEncoding.Strict()
	}
	return base64.StdEncoding.Strict()
}

// decodeHex is encoding/hex without upper case.
func decodeHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		hi, ok1 := nibble(s[2*i])
		lo, ok2 := nibble(s[2*i+1])
		if !ok1 || !ok2 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

func nibble(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
