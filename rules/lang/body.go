package lang

// Body is a payload that is decoded when an expression first asks for it. It may be used by one goroutine at a time.
type Body struct {
	format string
	header map[string][]string
	raw    []byte
	method string
}

// NewBody prepares a payload. The format is json, form, multipart, text, xml, none, form.FIELD (JSON in a field of a
// form), or "" to go by Content-Type, else to take it as JSON when it begins so, else as text. The body is nil when raw
// is empty, the method is GET or HEAD, or Content-Encoding says that it is compressed.
func NewBody(format string, header map[string][]string, raw []byte, method string) *Body {
	return &Body{format: format, header: header, raw: raw, method: method}
}

// ValidFormat says whether NewBody knows the format.
func ValidFormat(format string) bool { return format == "" }

// Err checks the payload and says why it has no value: `invalid JSON at byte 12: …`. An empty body has none and no
// error.
func (b *Body) Err() error { return nil }

// Value decodes the whole payload; nil when Err is not nil.
func (b *Body) Value() any { return nil }
