package rules

import (
	"maps"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// Schema gives a JSON Schema (draft-07) of the rules file, for editors, made of the tables by which the parser reads.
// It says less than the parser: what a value means, and which names exist, only Parse knows.
func Schema() map[string]any {
	top, others := shape{}, shape{}
	for _, k := range tables() {
		if k.name == topKeys.name {
			top = k.shape()
		} else {
			others[k.name] = k.shape()
		}
	}
	maps.Copy(top, shape{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "hookrouter rules file", "definitions": others,
	})
	return top
}

func (k keys) shape() shape {
	properties, needed := shape{}, []string{}
	for _, r := range k.rows {
		properties[r.key] = r.shape()
		if r.def == required {
			needed = append(needed, r.key)
		}
	}
	s := shape{"type": "object", "properties": properties, "additionalProperties": false}
	if len(needed) > 0 {
		s["required"] = needed
	}
	return s
}

var literalDefault = regexp.MustCompile("^`(.*)`$")

// shape is what an editor checks and shows. Beside a $ref draft-07 looks at nothing else, so that one is wrapped.
func (r row) shape() shape {
	s := shape{"description": r.description()}
	if _, is := r.takes.shape["$ref"]; is {
		s["allOf"] = []shape{r.takes.shape}
	} else {
		maps.Copy(s, r.takes.shape)
	}
	if m := literalDefault.FindStringSubmatch(r.def); m != nil {
		var v any
		if yaml.Unmarshal([]byte(m[1]), &v) == nil {
			s["default"] = v
		}
	}
	return s
}

func (r row) description() string {
	text := strings.ReplaceAll(r.what, "`", "")
	switch {
	case r.def == required:
		return "required: " + text
	case r.def != "":
		return text + " (default: " + strings.Trim(r.def, "`") + ")"
	}
	return text
}
