package admin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router/admin"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verdict"
)

// drafting lets the API parse other rules.
func drafting(o *admin.Options) {
	o.Draft = func(files []rules.File) (*rules.Set, error) {
		return rules.Parse(files[0], rules.Options{PublicLoopback: true, AllowUnverified: true, Paper: true})
	}
}

func (r *rig) draft(change ...string) []client.File {
	text := strings.NewReplacer(change...).Replace(strings.ReplaceAll(rulesText, "SINK", r.sink.URL))
	return []client.File{{Name: "new.yaml", Text: text}}
}

// TestPlan: recorded events are tried on other rules; nothing is stored or sent, and the rules in force stay.
func TestPlan(t *testing.T) {
	r := newRig(t, drafting)
	for range 3 {
		id := r.send(`{"to":"good"}`)
		r.arrival()
		r.settled(id, 1)
	}
	lost := r.send(`{"to":"nobody"}`)
	before, hash := r.queue.Hash(), r.rules.Load().Hash()
	position := r.queue.Stats().Applied
	plan, err := r.client.Plan(t.Context(), client.PlanQuestion{Rules: r.draft(`body.to == "good", to: good`, `body.to != "good", to: good`)})
	must(t, err)
	if len(plan.Routes) != 1 || plan.Events != 4 || plan.Changed != 4 || plan.UnmatchedBefore != 1 || plan.UnmatchedAfter != 3 {
		t.Fatalf("%+v", plan)
	}
	changes := plan.Routes[0].Changes
	if plan.Routes[0].Before != 3 || plan.Routes[0].After != 1 || len(changes) != 2 || changes[0].Kind != verdict.Gained ||
		changes[0].Examples[0].Event != lost || changes[1].Kind != verdict.Lost || changes[1].Events != 3 {
		t.Errorf("%+v", plan.Routes)
	}
	if plan.RulesHash != hash || r.rules.Load().Hash() != hash || r.queue.Stats().Applied != position || r.queue.Hash() != before || len(r.arrived) > 0 {
		t.Errorf("position %d, was %d; %d arrived", r.queue.Stats().Applied, position, len(r.arrived))
	}
	same, err := r.client.Plan(t.Context(), client.PlanQuestion{Rules: r.draft(), Last: 2})
	must(t, err)
	if same.Events != 2 || same.Changed != 0 || len(same.Routes) != 0 {
		t.Errorf("the same rules: %+v", same)
	}
	x, err := r.client.Explain(t.Context(), client.Question{Event: lost, Rules: r.draft(`body.to == "bad"`, `body.to == "nobody"`)})
	must(t, err)
	if x.Routes[1].Outcome != verdict.Matched {
		t.Errorf("explained under other rules: %+v", x.Routes[1])
	}
}

// TestPlanRefusals: what cannot be planned is said with the right status, faults with their places.
func TestPlanRefusals(t *testing.T) {
	r := newRig(t, drafting)
	for status, questions := range map[int][]client.PlanQuestion{
		http.StatusBadRequest:          {{}, {Rules: r.draft(), Last: 10_001}, {Rules: r.draft(), Last: -1}},
		http.StatusUnprocessableEntity: {{Rules: r.draft("version", "vresion")}},
	} {
		for _, q := range questions {
			var e *client.Error
			if _, err := r.client.Plan(t.Context(), q); !errors.As(err, &e) || e.Problem.Status != status {
				t.Errorf("%+v: %v, want %d", q, err, status)
			}
		}
	}
	var e *client.Error
	if _, err := newRig(t).client.Plan(t.Context(), client.PlanQuestion{Rules: r.draft()}); !errors.As(err, &e) || e.Problem.Status != http.StatusNotImplemented {
		t.Errorf("without Draft: %v", err)
	}
}
