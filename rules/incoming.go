package rules

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/verdict"
	"github.com/hookrouter/hookrouter/verify"
)

// Incoming is a request that rules are asked about: a raw one, or a sample of its sender.
type Incoming struct {
	Source string // "": the one whose path the raw request has
	Raw    []byte // as it went over the wire; nil for a sample
	Kind   string // event of the sample, "" for the first one
	// Learned gives the verifier of a source that takes its secret from its sender, nil when there is none yet. A nil
	// Learned knows none.
	Learned func(*Source) *verify.Verifier
}

// ExplainIncoming says what becomes of a request that arrives now: whether it would be taken, and what the rules do with
// its event. They are asked in any case, so that somebody without the secret can try them; only a handshake is none of
// their business. An error means that there is no such request or source.
func (s *Set) ExplainIncoming(in Incoming, now time.Time) (*verdict.Explanation, error) {
	src, r, err := s.incoming(in, now)
	if err != nil {
		return nil, err
	}
	proof := src.proof(r, now)
	if proof.Outcome == verdict.Handshake {
		return &verdict.Explanation{RulesHash: s.hash, Source: src.Name, Proof: proof, Routes: []verdict.Route{}}, nil
	}
	return s.explain(src, src.event(r, now), now, proof, true), nil
}

func (s *Set) incoming(in Incoming, now time.Time) (src *Source, r *verify.Request, err error) {
	if in.Raw != nil {
		if r, err = verify.ParseRequest(in.Raw); err != nil {
			return nil, nil, err
		}
	}
	if src, err = s.sourceOf(in.Source, r); err != nil {
		return nil, nil, err
	}
	if src.Verifier == nil && src.Learn != nil && in.Learned != nil {
		own := *src
		own.Verifier = in.Learned(src)
		src = &own
	}
	if r == nil {
		r, err = src.Sample(in.Kind, now)
	}
	return src, r, err
}

// sourceOf finds a source by its name, or by the path of a request.
func (s *Set) sourceOf(name string, r *verify.Request) (*Source, error) {
	var known []string
	for _, src := range s.sourceList {
		known = append(known, src.Name)
	}
	if name != "" || r == nil {
		if src, ok := s.sources[name]; ok {
			return src, nil
		}
		return nil, fmt.Errorf("no source %q in %s: it has %s", name, s.File().Name, some(known))
	}
	path, _, _ := strings.Cut(r.URL, "?")
	if src, ok := s.byPath[path]; ok {
		return src, nil
	}
	return nil, fmt.Errorf("no source has the path %s: name one of %s", path, some(known))
}

// event is what is stored of a request.
func (src *Source) event(r *verify.Request, now time.Time) *event.Event {
	at := now.UTC().Round(0)
	path, query, _ := strings.Cut(r.URL, "?")
	header, query := src.Clean(r.Header, query)
	return &event.Event{
		ID: event.NewEventID(at), Source: src.Name, ReceivedAt: at, Method: r.Method, Path: path, Query: query,
		Header: header, RemoteIP: "127.0.0.1", Body: r.Body,
	}
}

// proof looks at a request as the server does before it stores one.
func (src *Source) proof(r *verify.Request, now time.Time) verdict.Proof {
	refused := func(reason, hint string) verdict.Proof {
		return verdict.Proof{Outcome: verdict.Refused, Reason: reason, Hint: hint}
	}
	if size := int64(len(r.Body)); size > src.MaxBody {
		return refused(fmt.Sprintf("413: the body has %d bytes, max_body is %d", size, src.MaxBody), "")
	}
	err := src.verify(r, now)
	if len(src.Handshakes) > 0 {
		if reply, is := verify.Answer(src.Handshakes, r, src.Verifier, err == nil); is {
			return verdict.Proof{Outcome: verdict.Handshake, Reason: fmt.Sprintf("answered %d by the server itself", cmp.Or(reply.Status, http.StatusOK))}
		}
	}
	if !slices.Contains(src.Methods, r.Method) {
		return refused(fmt.Sprintf("405: the method is %s, the source takes %s", r.Method, strings.Join(src.Methods, ", ")), "")
	}
	var refusal *verify.Refusal
	switch {
	case errors.As(err, &refusal):
		return verdict.Proof{Outcome: verdict.Invalid, Reason: refusal.Reason, Hint: src.Verifier.Diagnose(r, now)}
	case err != nil:
		return verdict.Proof{Outcome: verdict.Invalid, Reason: err.Error()}
	case src.Unverified:
		return verdict.Proof{Outcome: verdict.Unverified}
	}
	return verdict.Proof{Outcome: verdict.Valid}
}

func (src *Source) verify(r *verify.Request, now time.Time) error {
	switch {
	case src.Unverified:
		return nil
	case src.Verifier == nil:
		return errors.New("the source has no secret yet: its sender gives it by a handshake")
	}
	return src.Verifier.Verify(r, now)
}

// Sample makes a request as the sender of the source would: the sample of its preset, and signed where the key of the
// source can sign. kind is one of the events that the preset has samples of, "" the first one.
func (src *Source) Sample(kind string, now time.Time) (*verify.Request, error) {
	if src.Preset == "" {
		return nil, fmt.Errorf("source %q has no preset to take a sample from", src.Name)
	}
	r, err := verify.Sample(src.Preset, kind)
	if err != nil {
		return nil, err
	}
	if _, query, has := strings.Cut(r.URL, "?"); has {
		r.URL = src.Path + "?" + query
	} else {
		r.URL = src.Path
	}
	if src.Verifier != nil && !src.Unverified {
		_ = src.Verifier.Sign(r, now) // who can only check signatures makes none, and the proof says what is missing
	}
	return r, nil
}

// some names the first of many.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
