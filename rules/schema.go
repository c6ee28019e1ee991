package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/hookrouter/hookrouter/verify"
)

// Schema gives a JSON Schema (draft 2020-12) of the rules file, for editors. Its keys are those that the parser takes.
// It says less than the parser: what a value means, and which names exist, only Parse knows.
func Schema() map[string]any {
	defs := shape{}
	for name, keys := range schemaBlocks() {
		defs[name] = blockShape(name, keys)
	}
	top := defs["top"].(shape)
	delete(defs, "top")
	maps.Copy(top, shape{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "hookrouter rules file", "$defs": defs,
	})
	return top
}

// shape is a JSON Schema, or a part of one.
type shape = map[string]any

// schemaBlocks are the mappings of the file with the keys that the parser takes in each.
func schemaBlocks() map[string][]string {
	blocks := map[string][]string{
		"top": topKeys.now, "source": sourceKeys.now, "destination": destKeys.now, "defaults": defaultKeys.now,
		"route": routeKeys.now, "limit": limitKeys.now, "retry": retryKeys.now, "breaker": breakerKeys.now,
		"coalesce": mergeKeys.now, "respond": respondKeys.now, "test": testKeys.now, "given": givenKeys.now,
		"expect": expectKeys.now, "retention": keepKeys.now,
	}
	for _, name := range []string{"preset", "with", "handshake", "match", "reply", "verify", "key", "timestamp", "place"} {
		blocks[name] = verify.BlockKeys(name)
	}
	return blocks
}

// schemaNeeds are the keys without which the parser refuses a block.
func schemaNeeds() map[string][]string {
	return map[string][]string{
		"top": {"version"}, "destination": {"url"}, "route": {"name", "from"}, "coalesce": {"key", "wait"},
		"test": {"name", "given", "expect"}, "given": {"source"}, "preset": {"verify"}, "handshake": {"match", "reply"},
		"verify": {"kind"},
	}
}

func blockShape(name string, keys []string) shape {
	values, properties := schemaValues(), shape{}
	for _, key := range keys {
		value, known := values[name+"."+key]
		if !known {
			value = shape{} // anything: a schema must not refuse what the parser takes
		}
		properties[key] = value
	}
	s := shape{"type": "object", "properties": properties, "additionalProperties": false}
	if needs := schemaNeeds()[name]; len(needs) > 0 {
		s["required"] = slices.Clone(needs)
	}
	return s
}

const referencePattern = `\$\{` // a value that holds a reference is known only when it is filled in

// describe adds what an editor shows beside a key.
func describe(s shape, text string) shape {
	s = maps.Clone(s)
	s["description"] = text
	return s
}

func ref(name string) shape         { return shape{"$ref": "#/$defs/" + name} }
func anyOf(options ...shape) shape  { return shape{"anyOf": options} }
func listOf(items shape) shape      { return shape{"type": "array", "items": items, "minItems": 1} }
func oneOrMore(item shape) shape    { return anyOf(item, listOf(item)) }
func oneOrSeveral(item shape) shape { return anyOf(item, shape{"type": "array", "items": item}) }

// textShape is a scalar: what YAML takes for a number or a bool is text where text is asked for.
func textShape() shape { return shape{"type": []string{"string", "number", "boolean"}} }

func expressionShape() shape {
	return shape{"type": []string{"string", "boolean"}, "minLength": 1}
}

// patternShape is text of a form, or with a reference in it.
func patternShape(pattern string) shape {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	return shape{"type": "string", "pattern": "^(" + pattern + ")$|" + referencePattern}
}

func durationShape() shape {
	return patternShape("(" + strings.TrimPrefix(durationPart.String(), "^") + ")+")
}

func wholeShape() shape { return anyOf(shape{"type": "integer"}, patternShape(`\d+`)) }

func wordShape(words ...any) shape {
	return anyOf(shape{"enum": words}, shape{"type": "string", "pattern": referencePattern})
}

func boolShape() shape { return wordShape(true, false, "true", "false") }

// mapOf has keys of any name, or of names that the file declares.
func mapOf(value shape) shape { return shape{"type": "object", "additionalProperties": value} }

func named(value shape) shape {
	return shape{
		"type": []string{"object", "null"}, "additionalProperties": value,
		"propertyNames": shape{"pattern": validName.String()},
	}
}

func listed(item shape) shape { return shape{"type": []string{"array", "null"}, "items": item} }

func orNull(s shape) shape { return anyOf(s, shape{"type": "null"}) }

func methodShape() shape {
	words := []any{}
	for _, m := range methodNames() {
		words = append(words, m)
	}
	return wordShape(words...)
}
