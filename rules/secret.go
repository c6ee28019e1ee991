package rules

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	shortSecret   = 16 // bytes; below it a secret can be guessed
	examplePrefix = "example-"
)

// readSecrets gives the secrets of a source, the first one for signing. It is empty after a fault.
func (p *parser) readSecrets(src *Source, n *yaml.Node) []string {
	var secrets []string
	broken := false
	for _, x := range p.list(n, "secret") {
		s, ok := p.value(x, "secret")
		broken = broken || !ok || p.unset[x]
		if !ok || (strings.TrimSpace(s) == "" && n.Kind == yaml.SequenceNode) {
			continue
		}
		p.hide(s)
		if p.secret(src, x, s) {
			secrets = append(secrets, s)
		} else {
			broken = true
		}
	}
	if len(secrets) == 0 && !broken && n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
		p.fault(n, fmt.Sprintf("every secret of source %q is empty", src.Name), "set one of the variables")
	}
	if broken {
		return nil
	}
	return secrets
}

// bareVariable is how a shell, but not a rules file, names a variable.
var bareVariable = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

// secret checks one secret. No message may hold it.
func (p *parser) secret(src *Source, n *yaml.Node, s string) bool {
	switch {
	case strings.TrimSpace(s) == "":
		p.fault(n, fmt.Sprintf("the secret of source %q is empty", src.Name), "set the variable or fill the file that it comes from")
		return false
	case strings.Contains(s, "${"):
		p.fault(n, fmt.Sprintf("the secret of source %q holds a reference that was not filled in", src.Name), "what the variable or file holds is itself a `${…}`: put the secret there")
		return false
	case bareVariable.MatchString(n.Value):
		p.warn(n, codeNoVariable, fmt.Sprintf("the secret of source %q is the very text that stands here, not a variable", src.Name),
			"write ${NAME} for a variable, and `$$` for a dollar sign")
	case strings.HasPrefix(s, examplePrefix):
		return p.exampleSecret(src, n)
	case len(s) < shortSecret:
		p.warn(n, codeShort, fmt.Sprintf("the secret of source %q is shorter than %d bytes", src.Name, shortSecret), "it can be guessed: make a longer one")
	}
	if other, shared := p.secrets[s]; shared && other != src.Name {
		p.warn(n, codeShared, fmt.Sprintf("sources %q and %q share a secret", other, src.Name), "a sender that knows one can pose as the other")
	}
	p.secrets[s] = src.Name
	return true
}

// exampleSecret warns of a secret that everybody can read in the examples, and refuses it where everybody can call.
func (p *parser) exampleSecret(src *Source, n *yaml.Node) bool {
	message := fmt.Sprintf("the secret of source %q is an example", src.Name)
	variable := "a secret of your own"
	if pieces, bad := split(n.Value, false); bad == nil && len(pieces) == 1 && pieces[0].kind == variablePiece {
		variable = pieces[0].text
	}
	if !p.o.PublicLoopback {
		p.fault(n, message, fmt.Sprintf("set %s, or listen on loopback only: --listen 127.0.0.1:8080 (HOOKROUTER_LISTEN)", variable))
		return false
	}
	p.warn(n, codeExample, message, fmt.Sprintf("set %s before others can reach this", variable))
	return true
}

// hide notes a value that no fault may show.
func (p *parser) hide(s string) {
	const shortest = 6 // what is shorter stands in many a line by chance
	for _, line := range splitLines(s) {
		if line = strings.TrimSpace(line); len(line) >= shortest && line != symmetricKey {
			p.hidden[line] = true
		}
	}
}

// hideAll hides what is written under the key of a secret, even where it will not be read as one.
func (p *parser) hideAll(n *yaml.Node) {
	for _, c := range n.Content {
		p.hideAll(c)
	}
	pieces, bad := split(n.Value, false)
	if bad != nil {
		p.hide(n.Value)
	}
	for _, x := range pieces {
		if x.kind == literalPiece {
			p.hide(x.text)
		}
		p.hide(x.def)
	}
}

// masked hides noted values in a fault; the source line keeps its length, so that the caret stays right. The longest
// first: one may be a part of another.
func (p *parser) masked(f Fault) Fault {
	long := slices.SortedFunc(maps.Keys(p.hidden), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	for _, s := range long {
		f.Source = strings.ReplaceAll(f.Source, s, strings.Repeat("*", len([]rune(s))))
		f.Message = strings.ReplaceAll(f.Message, s, mask)
		f.Hint = strings.ReplaceAll(f.Hint, s, mask)
	}
	return f
}
