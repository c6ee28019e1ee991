package rules

import (
	"slices"
	"strings"
)

// value is what a key takes: in words for the reference, and as JSON Schema for editors.
type value struct {
	words string
	shape shape
}

// shape is a JSON Schema, or a part of one.
type shape = map[string]any

// referencePattern lets a text with a reference stand: what it is, is known only when it is filled in.
const referencePattern = `\$\{`

func ref(name string) shape        { return shape{"$ref": "#/definitions/" + name} }
func anyOf(options ...shape) shape { return shape{"anyOf": options} }
func listShape(items shape) shape  { return shape{"type": "array", "items": items, "minItems": 1} }
func mapShape(value shape) shape   { return shape{"type": "object", "additionalProperties": value} }

// anyText is a scalar: what YAML takes for a number or a bool is text where text is asked for.
func anyText() value { return value{"text", shape{"type": []string{"string", "number", "boolean"}}} }

func expressionValue() value {
	return value{"expression", shape{"type": []string{"string", "boolean"}, "minLength": 1}}
}

func wholeNumber() value {
	return value{"whole number", anyOf(shape{"type": "integer"}, patternShape(`\d+`))}
}

func durationValue() value {
	return value{"duration", patternShape("(" + strings.TrimPrefix(durationPart.String(), "^") + ")+")}
}

func sizeValue() value { return value{"size", patternShape(sizePattern.String())} }

// answerValue is one of Answers.
func answerValue(failures bool) value {
	pattern := `!?([2-5]\d\d|[2-5]xx`
	if failures {
		pattern += "|" + strings.Join(failureClasses, "|")
	}
	return value{"answer", anyOf(shape{"type": "integer"}, patternShape(pattern+")"))}
}

func ratioValue() value {
	return value{"0.5 and the like", anyOf(shape{"type": "number"}, patternShape(ratioPattern.String()))}
}
func rateValue() value { return value{"rate", patternShape(ratePattern.String())} }

// patternShape is text of a form, or with a reference in it.
func patternShape(pattern string) shape {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	return shape{"type": "string", "pattern": "^(" + pattern + ")$|" + referencePattern}
}

func oneOrMore(v value) value {
	return value{v.words + ", or a list", anyOf(v.shape, listShape(v.shape))}
}

func mappingTo(v value) value { return value{"mapping to " + v.words, mapShape(v.shape)} }

func (v value) orNothing() value { return value{v.words, anyOf(v.shape, shape{"type": "null"})} }

// exactly is one of a few words, in a place where nothing is filled in.
func exactly(words ...string) value {
	return value{"`" + strings.Join(words, "` `") + "`", shape{"enum": words}}
}

// oneOf is one of a few words, or a reference to one.
func oneOf(words ...string) value {
	v := exactly(words...)
	return value{v.words, anyOf(v.shape, shape{"type": "string", "pattern": referencePattern})}
}

// yesNo is true or false, in a place where nothing is filled in.
func yesNo() value {
	return value{"`true` `false`", shape{"enum": []any{true, false, "true", "false"}}}
}

func boolean() value {
	return value{yesNo().words, anyOf(yesNo().shape, shape{"type": "string", "pattern": referencePattern})}
}

func methodValue() value { return value{"method", oneOf(methodNames()...).shape} }

// linked is a block that has a table of its own, and a heading in docs/rules.md.
func linked(block string) value {
	heading := block
	if slices.Contains([]string{"source", "destination", "route"}, block) {
		heading += "s"
	}
	return value{"[" + block + "](#" + heading + ")", ref(block)}
}

// several is a block or a list of them, which may be empty.
func several(block string) value {
	return value{linked(block).words + ", or a list", anyOf(ref(block), shape{"type": "array", "items": ref(block)})}
}

// listed is a list of blocks, which may be left empty.
func listed(block string) value {
	return value{"list of " + linked(block).words, shape{"type": []string{"array", "null"}, "items": ref(block)}}
}

// named is a mapping from names that the file declares; it may be left empty.
func named(words string, s shape) value {
	return value{"mapping from names to " + words, shape{
		"type": []string{"object", "null"}, "additionalProperties": s, "propertyNames": shape{"pattern": validName.String()},
	}}
}

func schemeValue() value {
	return value{"`none`, or " + oneOrMore(linked("verify")).words, anyOf(shape{"const": "none"}, oneOrMore(linked("verify")).shape)}
}
