package lang

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
)

// Body is a payload that is decoded when an expression first asks for it. It may be used by one goroutine at a time.
type Body struct {
	format string
	header map[string][]string
	raw    []byte
	method string

	scanner *scanner // memory to decode in; nil for new

	read bool
	err  error
	json *document // for JSON, else
	made any
}

// NewBody prepares a payload. The format is json, form, multipart, text, xml, none, form.FIELD (JSON in a field of a
// form), or "" to go by Content-Type, else to take it as JSON when it begins so, else as text. The body is nil when raw
// is empty, the method is GET or HEAD, or Content-Encoding says that it is compressed. Neither header nor raw may
// change afterwards.
func NewBody(format string, header map[string][]string, raw []byte, method string) *Body {
	return &Body{format: format, header: header, raw: raw, method: method}
}

// Formats lists what NewBody knows beside "" and form.FIELD.
func Formats() []string { return []string{"json", "form", "multipart", "text", "xml", "none"} }

// ValidFormat says whether NewBody knows the format.
func ValidFormat(format string) bool {
	if field, is := strings.CutPrefix(format, "form."); is {
		return field != ""
	}
	for _, known := range Formats() {
		if format == known {
			return true
		}
	}
	return format == ""
}

// Err checks the payload and says why it has no value: `invalid JSON at byte 12: …`. An empty body has none and no
// error.
func (b *Body) Err() error {
	if b == nil {
		return nil
	}
	if !b.read {
		b.read = true
		b.err = b.load()
	}
	return b.err
}

// Value decodes the whole payload; nil when Err is not nil. It must not be changed.
func (b *Body) Value() any { return b.at(nil) }

// at returns what is at a path, nil when there is nothing.
func (b *Body) at(path []step) any {
	if b.Err() != nil || b == nil {
		return nil
	}
	if b.json == nil {
		v := b.made
		for _, p := range path {
			v = p.of(v)
		}
		return v
	}
	if at := b.json.find(0, path); at >= 0 {
		return b.json.decode(at)
	}
	return nil
}

// hops counts the values that were passed over so far on the way to others.
func (b *Body) hops() int {
	if b == nil || b.json == nil {
		return 0
	}
	return b.json.hops
}

// scalar is at, but for lists and maps gives noLiteral without decoding them.
func (b *Body) scalar(path []step) any {
	if b.Err() == nil && b != nil && b.json != nil {
		if at := b.json.find(0, path); at >= 0 && (b.json.tape[at].kind == '{' || b.json.tape[at].kind == '[') {
			return noLiteral{}
		}
	}
	return b.at(path)
}

func (b *Body) load() (err error) {
	if len(b.raw) == 0 || b.method == "GET" || b.method == "HEAD" || b.compressed() {
		return nil
	}
	format := b.format
	contentType, _ := firstOf(b.header, "Content-Type")
	if format == "" {
		format = detect(contentType, b.raw)
	}
	field, inField := strings.CutPrefix(format, "form.")
	switch {
	case format == "json":
		b.json, err = b.parse(textOf(b.raw))
	case format == "form" || inField:
		err = b.loadForm(field, inField)
	case format == "multipart":
		_, params, _ := mime.ParseMediaType(contentType)
		b.made, err = parseParts(b.raw, params["boundary"])
	case format == "text" || format == "xml":
		b.made = textOf(b.raw)
	case format == "none":
	default:
		err = fmt.Errorf("unknown format %q", format)
	}
	return err
}

func (b *Body) parse(text string) (*document, error) {
	if b.scanner == nil {
		return parseJSON(text)
	}
	return b.scanner.parse(text)
}

func (b *Body) loadForm(field string, inField bool) error {
	form, err := parseForm(textOf(b.raw))
	if err != nil {
		return err
	}
	if !inField {
		b.made = form
		return nil
	}
	text, is := form[field].(string)
	if !is {
		return fmt.Errorf("the form has no single field %q", field)
	}
	if b.json, err = b.parse(text); err != nil {
		return fmt.Errorf("form field %q: %w", field, err)
	}
	return nil
}

func (b *Body) compressed() bool {
	encoding, _ := firstOf(b.header, "Content-Encoding")
	encoding = strings.TrimSpace(encoding)
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// detect chooses the format by the media type, or by how the payload begins when that says nothing.
func detect(contentType string, raw []byte) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	_, sub, _ := strings.Cut(mediaType, "/")
	switch {
	case sub == "json" || strings.HasSuffix(sub, "+json"):
		return "json"
	case mediaType == "application/x-www-form-urlencoded":
		return "form"
	case mediaType == "multipart/form-data":
		return "multipart"
	case sub == "xml" || strings.HasSuffix(sub, "+xml"):
		return "xml"
	case strings.HasPrefix(mediaType, "text/"):
		return "text"
	}
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '{', '[':
			return "json"
		}
		break
	}
	return "text"
}

func parseForm(text string) (map[string]any, error) {
	if n := strings.Count(text, "&") + 1; n > MaxKeys {
		return nil, fmt.Errorf("invalid form: %d fields, more than %d", n, MaxKeys)
	}
	fields, err := url.ParseQuery(text)
	if err != nil {
		return nil, fmt.Errorf("invalid form: %w", err)
	}
	form := make(map[string]any, len(fields))
	for name, values := range fields {
		form[name] = oneOrList(values)
	}
	return form, nil
}

func parseParts(raw []byte, boundary string) (map[string]any, error) {
	if boundary == "" {
		return nil, fmt.Errorf("invalid multipart: no boundary in Content-Type")
	}
	if !bytes.Contains(raw, []byte("--"+boundary+"--")) { // the reader takes some of what is cut off as the end
		return nil, fmt.Errorf("invalid multipart: it is cut off")
	}
	fields := map[string][]string{}
	reader := multipart.NewReader(bytes.NewReader(raw), boundary)
	for n := 1; ; n++ {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("invalid multipart: %w", err)
		}
		if n > MaxParts {
			return nil, fmt.Errorf("invalid multipart: more than %d parts", MaxParts)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, fmt.Errorf("invalid multipart: %w", err)
		}
		fields[part.FormName()] = append(fields[part.FormName()], string(content))
	}
	form := make(map[string]any, len(fields))
	for name, values := range fields {
		form[name] = oneOrList(values)
	}
	return form, nil
}

func oneOrList(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// firstOf returns the first value of a header whose canonical name is given, whatever the case it is kept under.
func firstOf(header map[string][]string, canonical string) (value string, found bool) {
	if values := header[canonical]; len(values) > 0 {
		return values[0], true
	}
	least := ""
	for name, values := range header {
		if len(values) > 0 && strings.EqualFold(name, canonical) && (!found || name < least) {
			value, found, least = values[0], true, name
		}
	}
	return value, found
}
