package lang

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode/utf8"
)

// fnString makes text of a scalar.
func fnString(r *run, s *site, args []any) any {
	text, ok := scalarText(args[0])
	if !ok {
		s.wrong(0, args[0], "a string, number, bool or time; toJSON() makes text of lists and maps")
	}
	r.grow(len(text))
	return text
}

func fnTrim(r *run, s *site, args []any) any {
	text := s.text(args, 0)
	r.read(len(text))
	if len(args) == 2 {
		cut := s.text(args, 1)
		if len(cut) > 100 {
			s.failAt(1, "is longer than 100 bytes")
		}
		return strings.Trim(text, cut)
	}
	return strings.TrimSpace(text)
}

func fnTrimPrefix(_ *run, s *site, args []any) any {
	if len(args) == 1 {
		return strings.TrimPrefix(s.text(args, 0), " ")
	}
	return strings.TrimPrefix(s.text(args, 0), s.text(args, 1))
}

func fnTrimSuffix(_ *run, s *site, args []any) any {
	if len(args) == 1 {
		return strings.TrimSuffix(s.text(args, 0), " ")
	}
	return strings.TrimSuffix(s.text(args, 0), s.text(args, 1))
}

func fnUpper(r *run, s *site, args []any) any {
	text := s.text(args, 0)
	r.grow(3 * len(text)) // a letter may take more bytes in the other case
	return strings.ToUpper(text)
}

func fnLower(r *run, s *site, args []any) any {
	text := s.text(args, 0)
	r.grow(3 * len(text))
	return strings.ToLower(text)
}

func fnSplit(r *run, s *site, args []any) any { return s.split(r, args, strings.SplitN) }

func fnSplitAfter(r *run, s *site, args []any) any { return s.split(r, args, strings.SplitAfterN) }

func (s *site) split(r *run, args []any, split func(s, sep string, n int) []string) any {
	text, sep, limit := s.text(args, 0), s.text(args, 1), -1
	if len(args) == 3 {
		limit = s.int(args, 2)
	}
	r.read(len(text))
	n := utf8.RuneCountInString(text)
	if sep != "" {
		n = strings.Count(text, sep) + 1
	}
	if limit >= 0 {
		n = min(n, limit)
	}
	r.grow(48 * n)
	list := []any{}
	for _, part := range split(text, sep, limit) {
		list = append(list, part)
	}
	return list
}

func fnReplace(r *run, s *site, args []any) any {
	text, from, to, limit := s.text(args, 0), s.text(args, 1), s.text(args, 2), -1
	if len(args) == 4 {
		limit = s.int(args, 3)
	}
	r.read(len(text))
	n := strings.Count(text, from)
	if limit >= 0 {
		n = min(n, limit)
	}
	r.growTimes(n, len(to))
	r.grow(len(text))
	return strings.Replace(text, from, to, limit)
}

func fnRepeat(r *run, s *site, args []any) any {
	text, n := s.text(args, 0), s.int(args, 1)
	if n < 0 {
		s.failAt(1, "is negative")
	}
	r.growTimes(n, len(text))
	return strings.Repeat(text, n)
}

// growTimes counts n pieces of the same size before one of them is made.
func (r *run) growTimes(n, size int) {
	if size > 0 && n > MaxMemory/size {
		n, size = 1, MaxMemory+1
	}
	r.grow(n * size)
}

func fnJoin(r *run, s *site, args []any) any {
	list, glue := s.list(args, 0), ""
	if len(args) == 2 {
		glue = s.text(args, 1)
	}
	texts := make([]string, len(list))
	for i, v := range list {
		text, is := v.(string)
		if !is {
			s.failAt(0, "holds %s at %d, join takes strings", aKind(v), i)
		}
		r.grow(16 + len(glue) + len(text))
		texts[i] = text
	}
	return strings.Join(texts, glue)
}

// fnIndexOf counts in characters, as len and slices do; -1 when there is none.
func fnIndexOf(r *run, s *site, args []any) any {
	return s.indexOf(r, args, strings.Index)
}

func fnLastIndexOf(r *run, s *site, args []any) any {
	return s.indexOf(r, args, strings.LastIndex)
}

func (s *site) indexOf(r *run, args []any, index func(s, part string) int) any {
	text, part := s.text(args, 0), s.text(args, 1)
	r.read(2 * len(text))
	i := index(text, part)
	if i < 0 {
		return -1
	}
	return utf8.RuneCountInString(text[:i])
}

// octets takes the first argument, a string or bytes, as bytes.
func (s *site) octets(args []any) []byte {
	switch v := args[0].(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	case Form:
		return []byte(v)
	}
	s.wrong(0, args[0], "a string or bytes")
	return nil
}

func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case Form:
		return len(v)
	}
	return 0
}

func fnBytes(r *run, s *site, args []any) any {
	r.grow(sizeOf(args[0]))
	return s.octets(args)
}

func fnB64(r *run, s *site, args []any) any {
	r.grow(3 * sizeOf(args[0]))
	return base64.StdEncoding.EncodeToString(s.octets(args))
}

func fnFromBase64(r *run, s *site, args []any) any {
	text := s.text(args, 0)
	r.grow(2 * len(text))
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		s.failAt(0, "is not base64")
	}
	return string(out)
}

func fnHex(r *run, s *site, args []any) any {
	r.grow(3 * sizeOf(args[0]))
	return hex.EncodeToString(s.octets(args))
}

// fnSHA256 gives the digest as bytes: hex(sha256(x)) is its usual text.
func fnSHA256(r *run, s *site, args []any) any {
	r.grow(sizeOf(args[0]) + sha256.Size)
	r.step(sizeOf(args[0]) / 8)
	sum := sha256.Sum256(s.octets(args))
	return sum[:]
}

func fnURLEscape(r *run, s *site, args []any) any {
	text, ok := scalarText(args[0])
	if !ok {
		s.wrong(0, args[0], "a string, number or bool")
	}
	r.grow(4 * len(text))
	return url.PathEscape(text)
}

func fnToJSON(r *run, s *site, args []any) any {
	e := encoder{limit: (MaxMemory - r.bytes) / 2, run: r}
	if err := e.value(args[0], 0); err != nil {
		s.failAt(0, "has no JSON: %v", err)
	}
	r.grow(2 * len(e.out))
	return string(e.out)
}

// fnJSON decodes JSON text, by the rules of the body.
func fnJSON(r *run, s *site, args []any) any {
	text := string(s.octets(args))
	r.grow(len(text))
	r.step(len(text) / 16)
	doc, err := parseJSON(text)
	if err != nil {
		s.failAt(0, "is %v", err)
	}
	r.grow(64 * len(doc.tape))
	return doc.decode(0)
}
