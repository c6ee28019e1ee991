package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

// evaluation is what the flags of `eval` say.
type evaluation struct {
	*cli
	body, format string
	headers      []string
	condition    bool
	ev           event.Event
}

func evalCommand(c *cli) *cobra.Command {
	e := &evaluation{cli: c, ev: event.Event{Method: http.MethodPost, Path: "/", Header: map[string][]string{}}}
	cmd := &cobra.Command{
		Use:   "eval EXPR",
		Short: "Try an expression on a payload",
		Long: `eval runs an expression as a transform does, and prints what a destination would get. With --when it runs it as a
condition, where what is missing is false instead of an error.

  hookrouter eval 'body.repository.full_name' --body push.json
  hookrouter eval --when 'body.ref == "refs/heads/main"' --body - < push.json

Exit code 0: it has a value, and as a condition it is true; 1: not.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return e.run(args[0]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&e.condition, "when", false, "run it as a condition")
	flags.StringVar(&e.body, "body", "", "file with the payload, or - for standard input")
	flags.StringVar(&e.format, "format", "", "format of the payload: json, form, multipart, text, xml, none, form.FIELD; default: by its Content-Type")
	flags.StringArrayVar(&e.headers, "header", nil, "a header of the request, `'Name: value'`; may be repeated")
	flags.StringVar(&e.ev.Source, "source", "", "what source is in the expression")
	flags.StringVar(&e.ev.Type, "event", "", "what event is in the expression")
	flags.StringVar(&e.ev.Query, "query", "", "the query of the request")
	return cmd
}

func (e *evaluation) run(expr string) (err error) {
	if e.body != "" {
		if e.ev.Body, err = e.read(e.body); err != nil {
			return &failure{exitNo, err, "name a file with the payload, or - for standard input"}
		}
	}
	for _, h := range e.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return &failure{exitUsage, fmt.Errorf("--header %q", h), "write it as 'Name: value'"}
		}
		name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
		e.ev.Header[name] = append(e.ev.Header[name], strings.TrimSpace(value))
	}
	text, err := rules.Evaluate(expr, e.condition, &e.ev, e.format)
	var skip *rules.Skip
	if errors.As(err, &skip) {
		fmt.Fprintln(visible{e.stdout}, skip.Error())
		return nil
	}
	if err != nil {
		return e.faults(err)
	}
	fmt.Fprintf(visible{e.stdout}, "%s\n", text)
	if e.condition && string(text) == "false" {
		return &failure{code: exitNo}
	}
	return nil
}
