package rules

import (
	"slices"
	"strings"
)

// keys are a block of the file: the keys that it may hold, in the order of the reference. Parser, schema and reference
// are made of these tables and of nothing else.
type keys struct {
	name  string // in the schema and in docs/rules.md
	rows  []row
	later []string // keys of a later version
}

// row is one key.
type row struct {
	key   string
	takes value
	def   string // what holds without it: `code` when it could be written so; required when it cannot be left out
	what  string // one line, for who looks at it in an editor or in docs/rules.md
}

const required = "required"

func words(s string) []string { return strings.Fields(s) }

func (k keys) has(key string) bool {
	return slices.ContainsFunc(k.rows, func(r row) bool { return r.key == key })
}

func (k keys) names() []string {
	names := make([]string, len(k.rows))
	for i, r := range k.rows {
		names[i] = r.key
	}
	return names
}

// tables are all blocks, in the order of the reference.
func tables() []keys {
	return slices.Concat([]keys{
		topKeys, sourceKeys, respondKeys, limitKeys, destKeys, defaultKeys, retryKeys, breakerKeys, authKeys, basicKeys, oauth2Keys, tlsKeys, routeKeys, mergeKeys, answerKeys,
		testKeys, givenKeys, expectKeys, keepKeys, alertKeys,
	}, senderTables())
}

var topKeys = keys{"top", []row{
	{"version", value{"`1`", shape{"enum": []any{1, "1"}}}, required, "version of the format"},
	{"include", oneOrMore(anyText()), "", "further files: paths or patterns such as teams/*.yaml, from the directory of this one"},
	{"sources", named(linked("source").words, ref("source")), "", "who may call: POST /in/NAME"},
	{"presets", named(linked("preset").words, ref("preset")), "", "senders of your own, for `preset` of a source"},
	{"defaults", linked("defaults").orNothing(), "", "what every destination inherits"},
	{"destinations", named("text or "+linked("destination").words, anyOf(anyText().shape, ref("destination"))), "", "who is called; a text alone is the url"},
	{"routes", listed("route"), "", "which events go where, in this order"},
	{"tests", listed("test"), "", "run by `hookrouter test`, and before the file goes live"},
	{"retention", linked("retention").orNothing(), "", "how long what is over is kept; what is pending is kept whatever it says"},
	{"alerts", linked("alerts").orNothing(), "nobody is told", "which destination is told of dead letters, breakers, refused rules and what waits for long"},
}, nil}

var alertKeys = keys{"alerts", []row{
	{"to", oneOrMore(anyText()), required, "a destination or a list; its own troubles are not told"},
	{"on", oneOrMore(oneOf(alertKinds()...)), alertWords(), "dead letters, breakers that open and close, a rules file that is refused, deliveries that wait for long"},
	{"oldest_pending", durationValue(), "`10m`", "from when on a pending delivery is old"},
	{"every", durationValue(), "`5m`", "at most one alert of a kind in this time; what happens meanwhile is in the next one"},
	{"transform", expressionValue(), "the alert as JSON", "makes the payload, such as `{text: body.text}` for a chat"},
}, nil}

var keepKeys = keys{"retention", []row{
	{"history", durationValue(), "`72h`", "events, and deliveries that ended"},
	{"dead", durationValue(), "`30d`", "dead deliveries"},
	{"size", sizeValue(), "`10GiB`", "bytes on disk; the oldest go first"},
}, nil}

var destKeys = keys{"destination", slices.Concat([]row{
	{"url", anyText(), required, "http or https; may hold $() in path and query"},
	{"method", methodValue(), "the sender's; POST with a transform", "method of the requests"},
	{"headers", mappingTo(anyText()), "", "added to each request; values may hold ${} and $()"},
	{"query", mappingTo(anyText()), "", "parameters added to the URL; values may hold ${} and $()"},
	{"success", oneOrMore(answerValue(false)), "`2xx`", "which statuses count as delivered; see [answers](#answers)"},
	{"order_by", expressionValue(), "no order", "deliveries with the same value are made one after the other, as the events came; see [order](#order)"},
	{"delay", durationValue(), "none", "how long after the event its first attempt is made"},
}, policyRows(), trustRows()), words("egress")}

var defaultKeys = keys{"defaults", policyRows(), words("egress")}

// policyRows are the keys that destinations inherit from defaults.
func policyRows() []row {
	return []row{
		{"timeout", durationValue(), "`10s`", "of one attempt, answer included"},
		{"retry", linked("retry"), "", "when a delivery is tried again"},
		{"breaker", linked("breaker"), "", "when the destination is left alone for a while"},
		{"limit", linked("limit"), "", "how much at one time"},
		{"pass_headers", value{"`all` `none`, or a list of names", anyOf(oneOf("all", "none").shape, shape{"type": "array", "items": anyText().shape})}, "all without a transform, else none", "which of the sender's headers go on: all, none, or those of a list"},
	}
}

var limitKeys = keys{"limit", []row{
	{"concurrency", wholeNumber(), "32 of a destination, no bound of a source", "most at one time: attempts of a destination, requests of a source"},
	{"rate", rateValue(), "no bound", "most in a time: attempts of a destination, verified requests of a source"},
}, nil}

var retryKeys = keys{"retry", []row{
	{"backoff", durationValue(), "`1s`", "pause after the first attempt; it doubles, and a random part of it is waited"},
	{"max_backoff", durationValue(), "`1h`", "longest pause"},
	{"schedule", value{"list of durations", listShape(durationValue().shape)}, "", "the pauses themselves, one after each attempt, instead of backoff; a failure after the last one is final"},
	{"on", oneOrMore(answerValue(true)), "`[408, 425, 429, 5xx, timeout, connect, broken, dns, tls]`", "what is tried again; see [answers](#answers)"},
	{"max_age", durationValue(), "`24h`", "after this long a delivery is dead"},
	{"attempts", wholeNumber(), "`0`", "most attempts, probes of the breaker not counted; 0: until max_age"},
}, nil}

var breakerKeys = keys{"breaker", []row{
	{"failures", wholeNumber(), "`5`", "failures in a row that open it"},
	{"ratio", ratioValue(), "not looked at", "share of failures in the window that opens it; takes the place of failures, unless both are said"},
	{"min", wholeNumber(), "`20` with ratio", "answers in the window below which ratio says nothing"},
	{"window", durationValue(), "`1m` with ratio", "what ratio looks back on"},
	{"cooldown", durationValue(), "`30s`", "how long it stays open before it probes"},
	{"probes", wholeNumber(), "`1`", "deliveries that must succeed to close it"},
}, nil}

var routeKeys = keys{"route", []row{
	{"name", value{"name", shape{"type": []string{"string", "integer"}, "pattern": validName.String()}}, required, "unique"},
	{"from", oneOrMore(anyText()), required, "a source, a list of them, or \"*\" for all"},
	{"when", expressionValue(), "always", "what must hold"},
	{"to", oneOrMore(anyText()), "nowhere", "a destination or a list; without one the event matches and goes nowhere"},
	{"stop", boolean(), "`false`", "true: no route below is looked at when this one matched"},
	{"enabled", boolean(), "`true`", "false takes it out; what waits by it is parked"},
	{"transform", value{"expression, or mapping to one", anyOf(expressionValue().shape, mapShape(expressionValue().shape))}, "the body as it came", "makes the payload; in a mapping, one expression for each destination"},
	{"method", methodValue(), "the destination's", "method of the requests"},
	{"headers", mappingTo(anyText()), "", "added to each request, over the destination's"},
	{"coalesce", linked("coalesce"), "", "many events, one delivery with the last one"},
	{"reply", value{"`upstream`, or " + linked("answer").words, anyOf(exactly("upstream").shape, ref("answer"))}, "the source's `respond`", "the answer to the sender; of several routes the first that matched gives it"},
}, words("each")}

var answerKeys = keys{"answer", []row{
	{"from", exactly("upstream"), "", "the answer is that of the route's only destination, which is called at once"},
	{"fallback", exactly("queue"), "none", "with `from`: without an answer the event is acknowledged, and delivered like any other"},
	{"status", wholeNumber(), "`200`", "without `from`: 2xx, 4xx or 5xx"},
	{"headers", mappingTo(anyText()), "", "headers; values may hold $()"},
	{"body", anyText(), "empty", "may hold $(), whose values are escaped as its Content-Type asks"},
}, nil}

var mergeKeys = keys{"coalesce", []row{
	{"key", expressionValue(), required, "events with the same value belong together; without a value an event stays alone"},
	{"wait", durationValue(), required, "quiet time after the last event"},
	{"max", durationValue(), "no bound", "at most so long after the first event"},
}, nil}

var testKeys = keys{"test", []row{
	{"name", anyText(), required, "unique"},
	{"given", linked("given"), required, "the event"},
	{"expect", value{"mapping to [expect](#expect), or a list", mapShape(several("expect").shape)}, required,
		"every destination that gets a delivery; a list when several routes reach it; {}: nothing is delivered"},
}, nil}

var givenKeys = keys{"given", []row{
	{"source", anyText(), required, "source it comes from"},
	{"event", anyText(), "what the source's `type` gives", "its type"},
	{"id", anyText(), "", "its id: evt_ and 26 characters"},
	{"received_at", anyText(), "`2026-01-01T00:00:00Z`", "when it came"},
	{"method", methodValue(), "the sample's, or the source's first", "method of the request"},
	{"headers", mappingTo(anyText()), "the sample's", "headers of the request, over those of the sender's sample"},
	{"query", value{"text or mapping", anyOf(anyText().shape, mapShape(shape{}))}, "", "query of the request"},
	{"body", value{"anything", shape{}}, "none", "data, sent in the source's format; a text is the bytes themselves"},
	{"body_file", anyText(), "none", "file with the bytes of the body; only in a file of tests"},
	{"request", anyText(), "none", "file with a raw HTTP request, instead of method, headers, query and body; only in a file of tests"},
}, nil}

var expectKeys = keys{"expect", []row{
	{"body", value{"anything", shape{}}, "not looked at", "what the body must have: of a mapping these keys, a list and a text as a whole"},
	{"headers", value{"mapping to text or null", mapShape(anyText().orNothing().shape)}, "not looked at", "headers it must have; null: must not have"},
	{"url", anyText(), "not looked at", "where it goes"},
	{"skip", anyText(), "", "true, or a part of the reason why it is skipped"},
	{"dead", anyText(), "", "true, or a part of the reason why it is dead"},
}, nil}
