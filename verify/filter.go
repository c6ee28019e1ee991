package verify

import (
	"crypto/sha1" //nolint:gosec // what some senders use
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"net/url"
	"strconv"
	"strings"
)

// filterNames are the filters of a template's part.
func filterNames() []string {
	return []string{
		"base64", "base64url", "box", "crc32", "hex", "hmac-sha1", "hmac-sha256", "hmac-sha512", "json", "lower", "sha1", "sha256",
		"sha512", "sorted", "unescape", "upper",
	}
}

// filter applies one filter to a text; hashes give their raw bytes. Those that need a key are the scene's.
func filter(name, s string) string {
	switch name {
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(s))
	case "base64url":
		return base64.RawURLEncoding.EncodeToString([]byte(s))
	case "hex":
		return hex.EncodeToString([]byte(s))
	case "sha1":
		sum := sha1.Sum([]byte(s)) //nolint:gosec // what some senders use
		return string(sum[:])
	case "sha256":
		sum := sha256.Sum256([]byte(s))
		return string(sum[:])
	case "sha512":
		sum := sha512.Sum512([]byte(s))
		return string(sum[:])
	case "crc32":
		return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(s))), 10)
	case "json":
		return jsonQuote(s)
	case "lower":
		return strings.ToLower(s)
	case "upper":
		return strings.ToUpper(s)
	case "unescape":
		return unescape(s)
	case "sorted":
		return sortedQuery(s)
	case "box":
		return boxEscape(s)
	}
	return s
}

// jsonQuote is JavaScript's JSON.stringify of a text: unlike encoding/json it leaves <, >, & and the line separators.
func jsonQuote(s string) string {
	const digits = "0123456789abcdef"
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	var b strings.Builder
	b.Grow(len(s) + len(s)/8 + 2)
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case short[c] != "":
			b.WriteString(short[c])
		case c < ' ':
			b.WriteString(`\u00` + string(digits[c>>4]) + string(digits[c&15]))
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unescape decodes %XX except what would be a ? then, as HubSpot does with the address that it signs.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && !strings.EqualFold(s[i:i+3], "%3f") {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// sortedQuery is a query with its parameters sorted by name and encoded anew.
func sortedQuery(s string) string {
	values, err := url.ParseQuery(s)
	if err != nil {
		return s
	}
	return values.Encode()
}
