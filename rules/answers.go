package rules

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Answers names outcomes of attempts: statuses, classes of statuses, and the ways in which there was no answer. It is
// never empty.
type Answers []outcome

// outcome is one entry of such a list.
type outcome struct {
	not       bool
	low, high int    // statuses
	class     string // of failures; "" with statuses
}

// failureClasses are the ways in which an attempt gets no whole answer, as event.Attempt.Result has them.
var failureClasses = []string{"timeout", "connect", "broken", "dns", "tls"}

// retriedByDefault is what is tried again when the rules don't say it.
func retriedByDefault() Answers {
	list := Answers{{low: 408, high: 408}, {low: 425, high: 425}, {low: 429, high: 429}, {low: 500, high: 599}}
	for _, class := range failureClasses {
		list = append(list, outcome{class: class})
	}
	return list
}

func deliveredByDefault() Answers { return Answers{{low: 200, high: 299}} }

// Status reports whether the list names a status: the last entry that concerns it decides.
func (a Answers) Status(code int) bool {
	return a.last(func(o outcome) bool { return o.class == "" && o.low <= code && code <= o.high })
}

// Failure reports whether the list names a class of failures, such as `timeout`.
func (a Answers) Failure(class string) bool {
	return a.last(func(o outcome) bool { return o.class == class && class != "" })
}

func (a Answers) last(concerned func(outcome) bool) bool {
	for _, o := range slices.Backward(a) {
		if concerned(o) {
			return !o.not
		}
	}
	return false
}

// PausedBy reports whether an answer with this status pauses the destination: 410 does, unless `on` names it. Of a
// templated one it says nothing about the other places.
func (d *Destination) PausedBy(status int) bool {
	named := slices.ContainsFunc(d.Retry.On, func(o outcome) bool { return o.low == status && o.high == status })
	return status == http.StatusGone && !d.Templated && !named
}

// answers reads a list of outcomes; one of exceptions only begins with what holds by default.
func (p *parser) answers(n *yaml.Node, what string, byDefault Answers, failures bool) Answers {
	var list Answers
	only := true
	for _, n := range p.list(n, what) {
		if o, ok := p.outcome(n, what, failures); ok {
			list = append(list, o)
			only = only && o.not
		}
	}
	if only {
		return append(slices.Clip(byDefault), list...)
	}
	return list
}

func (p *parser) outcome(n *yaml.Node, what string, failures bool) (outcome, bool) {
	text, ok := p.value(n, what)
	if !ok {
		return outcome{}, false
	}
	text, not := strings.CutPrefix(text, "!")
	o, ok := parseOutcome(text)
	if ok && (failures || o.class == "") {
		o.not = not
		return o, true
	}
	known := "a status from 200 to 599 or a class such as 4xx"
	if failures {
		known += ", or one of " + strings.Join(failureClasses, ", ")
	}
	p.fault(n, fmt.Sprintf("%s %q is not %s", what, clip(n.Value), known), "an exception begins with `!`, in quotes: \"!501\"")
	return outcome{}, false
}

func parseOutcome(text string) (outcome, bool) {
	if slices.Contains(failureClasses, text) {
		return outcome{class: text}, true
	}
	hundred, class := strings.CutSuffix(text, "xx")
	code, err := strconv.Atoi(hundred)
	switch {
	case err != nil || strings.Trim(hundred, "0123456789") != "":
		return outcome{}, false
	case class:
		return outcome{low: code * 100, high: code*100 + 99}, code >= 2 && code <= 5
	}
	return outcome{low: code, high: code}, code >= 200 && code <= 599
}
