package admin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/verdict"
)

// TestExplain: a stored event and a raw request are explained under the rules in force; nothing is stored or sent.
func TestExplain(t *testing.T) {
	r := newRig(t)
	id := r.send(`{"to":"good"}`)
	r.arrival()
	r.settled(id, 1)
	before := r.queue.Stats().Applied
	stored, err := r.client.Explain(t.Context(), client.Question{Event: id})
	must(t, err)
	if stored.Event != id || stored.Proof.Outcome != verdict.Stored || stored.Routes[0].Outcome != verdict.Matched ||
		stored.Routes[0].Deliveries[0].Request.Body != `{"to":"good"}` || stored.Routes[1].Outcome != verdict.Missed {
		t.Errorf("stored: %+v", stored)
	}
	raw := "POST /in/pass HTTP/1.1\nX-Pass: " + secret + "\n\n{\"to\":\"good\"}"
	x, err := r.client.Explain(t.Context(), client.Question{Request: []byte(raw)})
	must(t, err)
	if x.Source != "pass" || x.Proof.Outcome != verdict.Valid || len(x.Destinations()) != 1 {
		t.Errorf("raw: %+v", x)
	}
	if now := r.queue.Stats().Applied; now != before || len(r.arrived) > 0 {
		t.Errorf("applied %d, before %d; %d arrived", now, before, len(r.arrived))
	}
}

// TestExplainRefusals: what cannot be explained is said with the right status.
func TestExplainRefusals(t *testing.T) {
	r := newRig(t)
	for status, questions := range map[int][]client.Question{
		http.StatusNotFound:   {{Event: event.NewEventID(time.Now())}},
		http.StatusBadRequest: {{}, {Source: "nobody", Request: []byte("POST / HTTP/1.1\n\n")}, {Request: []byte("POST /in/other HTTP/1.1\n\n")}, {Request: []byte("?")}, {Source: "open"}},
	} {
		for _, q := range questions {
			var e *client.Error
			if _, err := r.client.Explain(t.Context(), q); !errors.As(err, &e) || e.Problem.Status != status || e.Problem.Detail == "" {
				t.Errorf("%+v: %v, want %d", q, err, status)
			}
		}
	}
	for _, body := range []string{``, `{`, `{"evnt":1}`, `{} {}`, `{"event":"evt_x"}`} {
		resp, err := http.Post(r.server.URL+"/api/v1/explain", "application/json", strings.NewReader(body))
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", body, resp.StatusCode)
		}
	}
}
