package verify

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
)

// maxMultipart is how many parts of a multipart body are looked at.
const maxMultipart = 100

// multipart is the only field of a name in a multipart/form-data body.
func (r *Request) multipart(name string) (value string, err error) {
	kind, err := r.value("Content-Type")
	if err != nil {
		return "", err
	}
	media, params, err := mime.ParseMediaType(kind)
	if err != nil || media != "multipart/form-data" {
		return "", refuse("the body is not multipart/form-data")
	}
	reader, found := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"]), 0
	for range maxMultipart {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", refuse("the multipart body cannot be read")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return "", refuse("the multipart body cannot be read")
		}
		if part.FormName() == name {
			value = string(data)
			found++
		}
	}
	switch {
	case found == 0 || value == "":
		return "", refuse("multipart field %s missing", name)
	case found > 1:
		return "", refuse("multipart field %s appears %d times", name, found)
	}
	return value, nil
}
