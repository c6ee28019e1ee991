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
func contentfulRequest(r *Request, url string) (string, error) {
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
	b.WriteString(strings.ToUpper(r.Method) + "\n" + escape(path, uriSafe) + "\n")
	for i, name := range names {
		value := strings.Join(names, ",")
		if name != strings.ToLower(contentfulNames) {
			if value, err = r.value(canonical(name)); err != nil {
				return "", err
			}
		}
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(name + ":" + strings.TrimSpace(value))
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
	names := []string{strings.ToLower(contentfulNames), strings.ToLower(contentfulStamp)}
	for name := range strings.SplitSeq(strings.ToLower(list), ",") {
		if name = strings.TrimSpace(name); !slices.Contains(names, name) {
			names = append(names, name)
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
