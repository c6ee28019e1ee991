package admin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verdict"
	"github.com/hookrouter/hookrouter/verify"
)

// explain says what the rules in force, or others, do with an event. It reads, and nothing else.
func (a *api) explain(r *http.Request) (any, error) {
	var q client.Question
	if err := readJSON(r, &q); err != nil {
		return nil, err
	}
	if q.At.IsZero() {
		q.At = time.Now()
	}
	set := a.opts.Rules()
	if len(q.Rules) > 0 {
		if q.Event.IsZero() {
			return nil, badRequest("rules: other rules are tried on stored events only")
		}
		var err error
		if set, err = a.draft(q.Rules); err != nil {
			return nil, err
		}
	}
	if !q.Event.IsZero() {
		return a.explainStored(r, set, q)
	}
	x, err := set.ExplainIncoming(rules.Incoming{Source: q.Source, Raw: q.Request, Kind: q.Sample, Learned: a.learned}, q.At)
	return x, asked(err)
}

func (a *api) explainStored(r *http.Request, set *rules.Set, q client.Question) (*verdict.Explanation, error) {
	ev, err := a.opts.Queue.Full(r.Context(), q.Event)
	if err != nil {
		return nil, err
	}
	x, err := set.Explain(ev, q.At)
	return x, asked(err)
}

// learned is the verifier of a source whose sender gave its secret.
func (a *api) learned(src *rules.Source) *verify.Verifier {
	v, err := a.opts.Ingest.Verifier(src)
	if err != nil {
		return nil // there is none yet
	}
	return v
}

// asked makes a bad request of what a question got wrong.
func asked(err error) error {
	if err == nil {
		return nil
	}
	return &problem{status: http.StatusBadRequest, detail: err.Error()}
}

// readJSON reads the body of a request, which must be one value of known fields.
func readJSON(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &problem{status: http.StatusRequestEntityTooLarge, detail: "the request is too large"}
	case err != nil:
		return badRequest("the body: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the body: more than one value")
	}
	return nil
}
