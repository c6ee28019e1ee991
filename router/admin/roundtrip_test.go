package admin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/admin"
	"github.com/hookrouter/hookrouter/rules"
)

// refused gives the problem in err; the test fails when there is none.
func refused(t *testing.T, err error, status int) client.Problem {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Problem.Status != status {
		t.Fatalf("error %v, want status %d", err, status)
	}
	return e.Problem
}

func TestEventsThroughTheClient(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	const body = `{"to":"good", "n": 1}`
	id := r.send(body)
	e := r.settled(id, 1)
	if e.ID != id || e.Source != "open" || e.Method != http.MethodPost || e.Path != "/in/open" || e.Size != len(body) || e.Delivered != 1 ||
		e.Header.Get("Content-Type") != "application/json" || e.RulesHash != r.rules.Load().Hash() {
		t.Errorf("event %+v", e)
	}
	if got, err := r.client.Body(ctx, id); err != nil || string(got) != body {
		t.Errorf("body %q, %v", got, err)
	}
	other := r.send(`{"to":"nobody"}`)
	page, err := r.client.Events(ctx, client.Filter{})
	must(t, err)
	if len(page.Items) != 2 || page.Items[0].ID != other || page.Items[1].ID != id {
		t.Errorf("newest first: %+v", page)
	}
	for name, f := range map[string]client.Filter{
		"state": {State: "unmatched"}, "until": {Since: time.Now().Add(-time.Hour), State: "unmatched"}, "limit": {Limit: 1},
	} {
		page, err := r.client.Events(ctx, f)
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != other {
			t.Errorf("by %s: %+v, %v", name, page, err)
		}
	}
	first, err := r.client.Events(ctx, client.Filter{Limit: 1})
	must(t, err)
	second, err := r.client.Events(ctx, client.Filter{Limit: 1, Cursor: first.Next})
	if err != nil || len(second.Items) != 1 || second.Items[0].ID != id {
		t.Errorf("second page %+v, %v", second, err)
	}
	if page, err := r.client.Events(ctx, client.Filter{Source: "pass"}); err != nil || len(page.Items) != 0 {
		t.Errorf("by another source: %+v, %v", page, err)
	}
	refused(t, second2(r.client.Event(ctx, event.NewEventID(time.Now()))), http.StatusNotFound)
	if _, err := r.client.Body(ctx, event.NewEventID(time.Now())); !client.NotFound(err) {
		t.Errorf("body of nothing: %v", err)
	}
}

func second2[T any](_ T, err error) error { return err }

func TestReplayOfAnEventIsMatchedAnew(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	id := r.send(`{"to":"good"}`)
	r.arrival()
	r.settled(id, 1)
	change, err := r.client.ReplayEvent(ctx, id)
	if err != nil || change.Replayed != 1 || change.Added != 0 || change.Event != id {
		t.Errorf("change %+v, %v", change, err)
	}
	if got := r.arrival(); got != `{"to":"good"}` {
		t.Errorf("arrived %q", got)
	}
	r.next.Store(r.parse(rulesText + "  - { name: twin, from: open, to: good }\n"))
	_, err = r.client.Reload(ctx)
	must(t, err)
	if change, err = r.client.ReplayEvent(ctx, id); err != nil || change.Added != 1 {
		t.Errorf("under rules with one more route: %+v, %v", change, err)
	}
	if e := r.settled(id, 2); e.Delivered != 2 {
		t.Errorf("event %+v", e)
	}
	unmatched, err := r.client.ReplayEvent(ctx, id)
	must(t, err)
	if unmatched.Event != id {
		t.Errorf("%+v", unmatched)
	}
	refused(t, second2(r.client.ReplayEvent(ctx, event.NewEventID(time.Now()))), http.StatusNotFound)
}

func TestDeliveriesThroughTheClient(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	e := r.settled(r.send(`{"to":"bad"}`), 1)
	id := e.Deliveries[0].ID
	d, err := r.client.Delivery(ctx, id)
	must(t, err)
	if d.State != event.Dead || d.Route != "to-bad" || d.Destination != "bad" || d.Event != e.ID || d.Source != "open" || len(d.History) != 1 {
		t.Fatalf("delivery %+v", d)
	}
	if a := d.History[0]; a.Number != 1 || a.Status != 400 || a.Answer != "no thanks" || a.URL != r.sink.URL+"/bad" || a.SentHash == "" {
		t.Errorf("attempt %+v", a)
	}
	page, err := r.client.Deliveries(ctx, client.Filter{State: "dead", Destination: "bad"})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != id || page.Items[0].LastStatus != 400 {
		t.Errorf("list %+v, %v", page, err)
	}
	r.badCode.Store(200)
	back, err := r.client.ReplayDelivery(ctx, id)
	if err != nil || back.ID != id || back.Round != 1 {
		t.Errorf("replayed %+v, %v", back, err)
	}
	if e := r.settled(e.ID, 1); e.Delivered != 1 || len(e.Deliveries[0].History) != 2 {
		t.Errorf("after the replay: %+v", e)
	}
	p := refused(t, second2(r.client.DropDelivery(ctx, id)), http.StatusConflict)
	if !strings.Contains(p.Detail, "delivered") {
		t.Errorf("problem %+v", p)
	}
	refused(t, second2(r.client.Delivery(ctx, event.NewDeliveryID(time.Now()))), http.StatusNotFound)
}

// TestParkedDeliveriesSayIt: what waits because its route is gone must not look as if it were about to be tried.
func TestParkedDeliveriesSayIt(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, err := r.client.Pause(ctx, "good")
	must(t, err)
	id := r.send(`{"to":"good"}`)
	want := func(parked bool) {
		t.Helper()
		ev, err := r.client.Event(ctx, id)
		must(t, err)
		page, err := r.client.Deliveries(ctx, client.Filter{State: "pending"})
		must(t, err)
		one, err := r.client.Delivery(ctx, ev.Deliveries[0].ID)
		must(t, err)
		if ev.Deliveries[0].Parked != parked || len(page.Items) != 1 || page.Items[0].Parked != parked || one.Parked != parked {
			t.Errorf("parked is not %t everywhere: %+v, %+v, %+v", parked, ev.Deliveries, page.Items, one)
		}
	}
	want(false)
	r.rules.Store(r.parse(strings.Replace(rulesText, "name: to-good", "name: renamed", 1)))
	want(true)
	r.rules.Store(r.parse(rulesText))
	want(false)
}

func TestCancelAndDrop(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	dead := r.settled(r.send(`{"to":"bad"}`), 1).Deliveries[0].ID
	if d, err := r.client.DropDelivery(ctx, dead); err != nil || d.State != event.Canceled || d.Reason != "dropped" {
		t.Errorf("dropped %+v, %v", d, err)
	}
	_, err := r.client.Pause(ctx, "good")
	must(t, err)
	e, err := r.client.Event(ctx, r.send(`{"to":"good"}`))
	must(t, err)
	waiting := e.Deliveries[0].ID
	refused(t, second2(r.client.DropDelivery(ctx, waiting)), http.StatusConflict)
	if d, err := r.client.CancelDelivery(ctx, waiting); err != nil || d.State != event.Canceled || d.Reason != "canceled" {
		t.Errorf("canceled %+v, %v", d, err)
	}
}

// TestReplayOfAMatchError: nothing was decided when the rule failed, so its replay is one of the event.
func TestReplayOfAMatchError(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	id := r.send(`{"to":"err","n":"x"}`)
	e := r.settled(id, 1)
	d := e.Deliveries[0]
	if d.State != event.Dead || d.Reason != "match_error" || len(e.Marks) == 0 || !e.Marked {
		t.Fatalf("event %+v", e)
	}
	replayUnder := func(when string) *client.EventDetail {
		t.Helper()
		r.next.Store(r.parse(strings.ReplaceAll(rulesText, "? body.n : false", when)))
		_, err := r.client.Reload(ctx)
		must(t, err)
		_, err = r.client.ReplayDelivery(ctx, d.ID)
		must(t, err)
		return r.settled(id, 1)
	}
	if e := replayUnder("? false : false"); e.Dead != 1 {
		t.Errorf("no rule wants it and it was sent: %+v", e)
	}
	if e := replayUnder("? true : false"); e.Delivered != 1 {
		t.Errorf("event %+v", e)
	}
}

func TestHouseThroughTheClient(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	paused, err := r.client.Pause(ctx, "good")
	if err != nil || paused.Name != "good" || !paused.Paused {
		t.Fatalf("paused %+v, %v", paused, err)
	}
	r.send(`{"to":"good"}`)
	dests, err := r.client.Destinations(ctx)
	if err != nil || len(dests.Items) != 2 || dests.Items[1].Name != "good" || dests.Items[1].Pending != 1 || dests.Items[1].Oldest.IsZero() {
		t.Errorf("destinations %+v, %v", dests, err)
	}
	resumed, err := r.client.Resume(ctx, "good")
	if err != nil || resumed.Paused {
		t.Errorf("resumed %+v, %v", resumed, err)
	}
	r.arrival()
	_, err = r.client.Probe(ctx, "good")
	must(t, err)
	refused(t, second2(r.client.Pause(ctx, "no/body")), http.StatusNotFound)

	req, _ := http.NewRequest(http.MethodPost, r.public.URL+"/in/pass", strings.NewReader("{}"))
	req.Header.Set("X-Pass", "guessed-pass")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	resp.Body.Close()
	source, err := r.client.Source(ctx, "pass")
	must(t, err)
	if source.Path != "/in/pass" || source.Unverified || source.Results["unverified"] != 1 || len(source.Refusals) != 1 {
		t.Fatalf("source %+v", source)
	}
	if x := source.Refusals[0]; x.Status != 401 || x.Reason == "" || x.Header.Get("X-Pass") != "***" {
		t.Errorf("refusal %+v", x)
	}
	if all, err := r.client.Sources(ctx); err != nil || len(all.Items) != 2 || !all.Items[0].Unverified || all.Items[0].LastEvent.IsZero() {
		t.Errorf("sources %+v, %v", all, err)
	}
	refused(t, second2(r.client.Source(ctx, "nobody")), http.StatusNotFound)
	if routes, err := r.client.Routes(ctx); err != nil || len(routes.Items) != 3 || routes.Items[0].When != `body.to == "good"` || !routes.Items[0].Enabled {
		t.Errorf("routes %+v, %v", routes, err)
	}
}

func TestRulesThroughTheClient(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	before, err := r.client.Rules(ctx)
	if err != nil || before.Hash != r.rules.Load().Hash() || before.File != "rules.yaml" || !before.OK {
		t.Errorf("rules %+v, %v", before, err)
	}
	r.next.Store(r.parse(rulesText + "# changed\n"))
	after, err := r.client.Reload(ctx)
	if err != nil || after.Hash == before.Hash || after.Hash != r.next.Load().Hash() {
		t.Errorf("reloaded %+v, %v", after, err)
	}
	var faults error = rules.Faults{{File: "rules.yaml", Line: 3, Col: 5, Message: "unknown key \"x\"", Hint: "did you mean y?"}}
	r.reload.Store(&faults)
	p := refused(t, second2(r.client.Reload(ctx)), http.StatusUnprocessableEntity)
	if len(p.Faults) != 1 || p.Faults[0].Line != 3 || p.Faults[0].Col != 5 || p.Faults[0].Hint == "" {
		t.Errorf("problem %+v", p)
	}
	gone := errors.New("open rules.yaml: no such file")
	r.reload.Store(&gone)
	if p := refused(t, second2(r.client.Reload(ctx)), http.StatusUnprocessableEntity); p.Detail != gone.Error() {
		t.Errorf("problem %+v", p)
	}
}

func TestStatusAndHealthThroughTheClient(t *testing.T) {
	r, ctx := newRig(t, func(o *admin.Options) { o.Token = func() string { return "a-token" } }), t.Context()
	s, err := r.client.Status(ctx)
	must(t, err)
	if s.Version != "v0-test" || !s.Ready || s.Sources != 2 || s.Routes != 3 || len(s.Destinations) != 2 || s.Queue.MaxPending == 0 || s.Rules.Hash == "" {
		t.Errorf("status %+v", s)
	}
	must(t, r.client.Healthy(ctx))
	must(t, r.client.Ready(ctx))
	disk := errors.New("disk is full")
	r.ready.Store(&disk)
	must(t, r.client.Healthy(ctx))
	if p := refused(t, r.client.Ready(ctx), 503); p.Detail != "disk is full" {
		t.Errorf("problem %+v", p)
	}
	if s, err = r.client.Status(ctx); err != nil || s.Ready || s.NotReady != "disk is full" {
		t.Errorf("status %+v, %v", s, err)
	}
	stranger := client.New(r.server.URL, "wrong")
	defer stranger.Close()
	refused(t, second2(stranger.Status(ctx)), http.StatusUnauthorized)
	must(t, stranger.Healthy(ctx))
}

func TestUnreachableServerIsItsOwnError(t *testing.T) {
	r := newRig(t)
	r.server.Close()
	_, err := r.client.Status(t.Context())
	var un *client.UnreachableError
	if !errors.As(err, &un) || un.URL != r.server.URL || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
}
