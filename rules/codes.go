package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// code names a kind of warning for good: a comment `# allow: NAME` silences it where it stands.
type code string

const (
	codeAddresses   code = "addresses"
	codeAllow       code = "allow"
	codeAlwaysTrue  code = "always-true"
	codeBreaker     code = "breaker"
	codeDuplicate   code = "duplicate"
	codeExample     code = "example-secret"
	codeHandshake   code = "handshake"
	codeLoop        code = "loop"
	codeNeverTrue   code = "never-true"
	codeNoVariable  code = "no-variable"
	codePaths       code = "paths"
	codePlain       code = "plain-http"
	codeRate        code = "rate"
	codeReply       code = "reply"
	codeSecretForm  code = "secret-form"
	codeShadowed    code = "shadowed"
	codeShared      code = "shared-secret"
	codeShort       code = "short-secret"
	codeUnreachable code = "unreachable"
	codeUnseen      code = "unseen-name"
	codeUnused      code = "unused"
	codeUnverified  code = "unverified"
)

// meaning is a line of the reference about a code.
type meaning struct {
	code     code
	what, do string
}

// meanings are all codes, in the order of the reference.
func meanings() []meaning {
	return []meaning{
		{codeUnverified, "a source takes requests from anybody, or from anybody at its `allow_ip`", "say how it proves itself: `preset` or `verify`"},
		{codeShort, "a secret has fewer than 16 bytes, or a signing key fewer than 24, so that it can be guessed", "make a longer one"},
		{codePlain, "a secret is sent over http, where it can be read on the way", "write https"},
		{codeExample, "a secret is one that everybody can read in the examples", "set the variable that stands there"},
		{codeShared, "two sources have the same secret: who knows one can pose as the other", "give each its own"},
		{codeNoVariable, "a secret is written `$NAME`, which is no variable here", "write `${NAME}`, or `$$` for a dollar"},
		{codeSecretForm, "a secret does not look like those of this sender", "copy it again from the sender's settings"},
		{codeHandshake, "a handshake of the sender is refused for want of a parameter", "give it under `with`"},
		{codeAddresses, "an address of `allow_ip` names more than one: bits beyond its mask are set", "write the network as the message has it"},
		{codePaths, "the path of a source can be taken for that of another", "give it another `path`"},
		{codeUnreachable, "a route that nothing reaches: one above with `stop` takes all that it would match", "move it up, or take `stop` away"},
		{codeShadowed, "a route that sees nothing of one of its sources, as one above with `stop` takes it all", "move it up, or take the source out of its `from`"},
		{codeReply, "a `reply` that is never given: a route above replies to all events of the source", "move it up, or take one of both away"},
		{codeDuplicate, "two routes send the same to the same destination, so that it comes twice", "remove one, or let the first `stop`"},
		{codeUnused, "a source that no route reads, a destination that no route leads to, a preset of no source", "add what is missing, or remove it"},
		{codeNeverTrue, "a condition, or a part of it, that holds for no event: `event == \"a\" and event == \"b\"`", "compare with `in [...]`, or join with `or`"},
		{codeAlwaysTrue, "a condition, or a part of it, that holds for every event: `event != \"a\" or event != \"b\"`", "join with `and`, or leave it out"},
		{codeRate, "a `rate` below what must come: sources may send more than it lets through, or what waits expires before its turn", "raise it, lower the `limit` of the sources, or `coalesce`"},
		{codeBreaker, "a breaker that cannot open: its `rate` lets fewer attempts through in `window` than `min` asks for", "lower `min`, or make `window` longer"},
		{codeLoop, "a destination that is this server: each delivery would be an event again", "write the address of the service behind"},
		{codeUnseen, "an expression reads a name that is in no body of this sender: neither in the tests nor in the samples of its preset, nor, with `--admin`, in events that were recorded", "correct it, or add a test with a body that has it"},
		{codeAllow, "a comment `# allow:` names something that is none of these", "correct it"},
	}
}

var allowComment = regexp.MustCompile(`#\s*allow:\s*([\w-]+(?:\s*,\s*[\w-]+)*)`)

// allowedIn are the codes that a comment in a line names.
func allowedIn(line string) []string {
	m := allowComment.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	names := strings.Split(m[1], ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// allows says whether a comment in the line, or one that has the line above for itself, silences a code.
func (p *parser) allows(line int, c code) bool {
	if line < 1 || line > len(p.lines) {
		return false
	}
	names := allowedIn(p.lines[line-1])
	if line > 1 && strings.HasPrefix(strings.TrimSpace(p.lines[line-2]), "#") {
		names = append(names, allowedIn(p.lines[line-2])...)
	}
	return slices.Contains(names, string(c))
}

// unknownAllows warns of comments that silence nothing that there is.
func (p *parser) unknownAllows() {
	var known []string
	for _, m := range meanings() {
		known = append(known, string(m.code))
	}
	for i, line := range p.lines {
		for _, name := range allowedIn(line) {
			if !slices.Contains(known, name) {
				p.warnAt(i+1, column(line, strings.Index(line, name)), codeAllow, fmt.Sprintf("there is no warning %q", name), didYouMean(name, known))
			}
		}
	}
}
