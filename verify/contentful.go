package verify

import (
	"slices"
	"strings"
)

const (
	contentfulNames = "X-Contentful-Signed-Headers"
	contentfulStamp = "X-Contentful-Timestamp"
	contentfulSig   = "X-Contentful-Signature"
)

// contentfulRequest is the canonical request that Contentful signs, before its body: method, path, headers and body,
// one line each. The list of signed headers and the timestamp are always among the headers, so neither can be changed.
func contentfulRequest(s *scene) (string, error) {
	r, url := s.r, s.target()
	listName := strings.ToLower(contentfulNames)
	names, err := contentfulSigned(r)
	if err != nil {
		return "", err
	}
	path, query := splitURL(url)
	if strings.Contains(query, "?") {
		return "", refuse("query has a second ?, which Contentful does not sign")
	}
	if query != "" {
		path += "?" + escape(query, componentSafe)
	}
	var b strings.Builder
	b.Grow(1024) // what the headers usually need
	for _, line := range []string{strings.ToUpper(r.Method), escape(path, uriSafe)} {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	for i, name := range names {
		var value string
		if name == listName {
			value = strings.Join(names, ",")
		} else if value, err = r.value(canonical(name)); err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(name)
		b.WriteByte(':')
		b.WriteString(strings.TrimSpace(value))
	}
	b.WriteByte('\n')
	return b.String(), nil
}

// contentfulSigned lists the signed headers in lower case, sorted.
func contentfulSigned(r *Request) ([]string, error) {
	list, err := r.value(contentfulNames)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, 16)
	for name := range strings.SplitSeq(strings.ToLower(list), ",") {
		if name = strings.TrimSpace(name); slices.Contains(names, name) {
			return nil, refuse("header %s names %s twice", contentfulNames, clip(name))
		}
		names = append(names, name)
	}
	for _, own := range []string{contentfulNames, contentfulStamp} {
		if own = strings.ToLower(own); !slices.Contains(names, own) {
			names = append(names, own)
		}
	}
	slices.Sort(names)
	return names, nil
}

// contentfulPrepare names the headers to sign as Contentful does: its own and the content type.
func contentfulPrepare(r *Request) {
	if len(r.Header[contentfulNames]) > 0 {
		return
	}
	names := []string{strings.ToLower(contentfulNames)}
	for name := range r.Header {
		own := strings.HasPrefix(name, "X-Contentful-") && name != contentfulSig
		if own || name == "Content-Type" {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	r.set(contentfulNames, strings.Join(names, ","))
}

// What JavaScript's querystring.escape and encodeURI leave as it is, beside letters and digits.
const (
	componentSafe = "-_.!~*'()"
	uriSafe       = componentSafe + ";,/?:@&=+$#"
)

// escape writes every byte that is neither alphanumeric nor safe as %XX.
func escape(s, safe string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if alnum || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
