package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

// TestEditedReplayIsANewEvent: it names its parent, which stays as it was, and is matched by what it is now.
func TestEditedReplayIsANewEvent(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	r.rules.Store(r.parse(strings.Replace(rulesText, "secret: "+secret, "dedupe: body.to, secret: "+secret, 1)))
	req, err := http.NewRequest(http.MethodPost, r.public.URL+"/in/pass", strings.NewReader(`{"to":"nobody"}`))
	must(t, err)
	req.Header = http.Header{"X-Pass": {secret}, "Content-Type": {"application/json"}, "Content-Encoding": {"identity"}, "X-Kept": {"yes"}}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	page, err := r.client.Events(ctx, client.Filter{})
	must(t, err)
	parent := page.Items[0].ID

	for range 2 { // the same bytes again are no duplicate
		change, err := r.client.ReplayEdited(ctx, parent, []byte(`{"to":"good","edited":true}`))
		must(t, err)
		if change.Parent != parent || change.Event == parent || change.Added != 1 {
			t.Fatalf("change %+v", change)
		}
		if got := r.arrival(); got != `{"to":"good","edited":true}` {
			t.Errorf("arrived %q", got)
		}
		child := r.settled(change.Event, 1)
		if child.Parent != parent || child.Source != "pass" || child.Header.Get("X-Kept") != "yes" || child.DedupeKey != "" ||
			child.Header["X-Pass"] != nil || child.Header["Content-Encoding"] != nil {
			t.Errorf("child %+v", child)
		}
		if len(child.Marks) != 1 || child.Marks[0] != fmt.Sprintf("verified by operator: another body for %s", parent) {
			t.Errorf("marks %q", child.Marks)
		}
	}
	page, err = r.client.Events(ctx, client.Filter{})
	must(t, err)
	if len(page.Items) != 3 || page.Items[0].Parent != parent || !page.Items[2].Parent.IsZero() {
		t.Errorf("listed %+v", page.Items)
	}
	if body, err := r.client.Body(ctx, parent); err != nil || string(body) != `{"to":"nobody"}` {
		t.Errorf("the parent is %q now, %v", body, err)
	}
	if !strings.Contains(r.logged.String(), "event replayed with another body") {
		t.Error("the log does not have it")
	}
	change, err := r.client.ReplayEdited(ctx, parent, []byte{})
	if err != nil || change.Event == (event.EventID{}) {
		t.Errorf("an empty body: %+v, %v", change, err)
	}
	_, err = r.client.ReplayEdited(ctx, parent, make([]byte, 2<<20))
	refused(t, err, http.StatusRequestEntityTooLarge)
	r.rules.Store(r.parse(strings.ReplaceAll(rulesText, "pass", "other")))
	_, err = r.client.ReplayEdited(ctx, parent, nil)
	refused(t, err, http.StatusConflict)
}
