package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

// die has n events end as dead letters, which the destination answered so, and gives the deliveries.
func (r *rig) die(n int, status int64) (ids []event.DeliveryID) {
	r.t.Helper()
	r.badCode.Store(status)
	for i := range n {
		e := r.settled(r.send(fmt.Sprintf(`{"to":"bad","n":%d}`, i)), 1)
		ids = append(ids, e.Deliveries[0].ID)
	}
	return ids
}

// counts are the deliveries to "bad" by their state.
func (r *rig) counts() map[event.State]int {
	r.t.Helper()
	page, err := r.client.Deliveries(r.t.Context(), client.Filter{Destination: "bad", Limit: 1000})
	must(r.t, err)
	n := map[event.State]int{}
	for _, d := range page.Items {
		n[d.State]++
	}
	return n
}

// count waits until so many of the deliveries to "bad" are in this state.
func (r *rig) count(state event.State, want int) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); r.counts()[state] != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%v, want %d %s", r.counts(), want, state)
		}
	}
}

func TestDeadLettersAreGrouped(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	first := r.die(3, 400)
	second := r.die(2, 422)
	page, err := r.client.DeadGroups(ctx, client.Filter{})
	must(t, err)
	if len(page.Items) != 2 {
		t.Fatalf("groups %+v", page.Items)
	}
	for i, want := range []struct {
		class string
		ids   []event.DeliveryID
	}{{"422", second}, {"400", first}} {
		g := page.Items[i]
		last := want.ids[len(want.ids)-1]
		if g.Count != len(want.ids) || g.Class != want.class || g.Reason != "refused" || g.Destination != "bad" || g.Route != "to-bad" ||
			g.Example != last || g.Answer != "no thanks" || strconv.Itoa(g.Status) != want.class || g.Error == "" || g.First.After(g.Last) {
			t.Errorf("group %+v, want %+v", g, want)
		}
		list, err := r.client.Deliveries(ctx, client.Filter{Group: g.Group})
		must(t, err)
		if len(list.Items) != len(want.ids) || list.Items[0].ID != last || list.Items[0].Group != g.Group {
			t.Errorf("group %s has %+v", g.Group, list.Items)
		}
	}
	if none, err := r.client.DeadGroups(ctx, client.Filter{Destination: "good"}); err != nil || len(none.Items) != 0 {
		t.Errorf("of another destination: %+v, %v", none, err)
	}
	if none, err := r.client.Deliveries(ctx, client.Filter{Group: "no such group"}); err != nil || len(none.Items) != 0 {
		t.Errorf("of no group: %+v, %v", none, err)
	}
	if _, err := r.client.DropDelivery(ctx, second[0]); err != nil {
		t.Fatal(err)
	}
	if got, err := r.client.DropDeliveries(ctx, client.Filter{Group: page.Items[1].Group}, client.BulkOptions{}); err != nil || got.Done != 3 {
		t.Errorf("dropped %+v, %v", got, err)
	}
	r.count(event.Dead, 1)
}

// TestBulkReplay: it can be looked at before, paced, ended in its middle, and run again for the rest; the log has all of it.
func TestBulkReplay(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	const n, perSecond = 40, 10
	r.die(n, 400)
	dead := client.Filter{Destination: "bad"}
	look, err := r.client.ReplayDeliveries(ctx, dead, client.BulkOptions{DryRun: true, Rate: perSecond})
	if err != nil || look.Matched != n || look.Done != 0 || r.counts()[event.Dead] != n {
		t.Fatalf("dry run: %+v, %v; %v", look, err, r.counts())
	}
	r.badCode.Store(200)
	began := time.Now()
	step, err := r.client.ReplayDeliveries(ctx, dead, client.BulkOptions{Rate: perSecond})
	if err != nil || step.Done != perSecond || step.Next == "" {
		t.Errorf("a step: %+v, %v", step, err)
	}
	if took := time.Since(began); took < (perSecond-1)*time.Second/perSecond {
		t.Errorf("%d at %d a second took %v", perSecond, perSecond, took)
	}
	r.count(event.Delivered, perSecond)

	canceled, cancel := context.WithCancel(ctx)
	go func() {
		for r.counts()[event.Delivered] == perSecond && canceled.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := r.client.ReplayDeliveries(canceled, dead, client.BulkOptions{Rate: perSecond}); err == nil {
		t.Error("nothing was interrupted")
	}
	cancel()
	r.audited("bulk replay of deliveries", 2)
	if got := r.counts()[event.Dead]; got < n-2*perSecond+2 {
		t.Errorf("%d are dead, so it went on after it was ended", got)
	}

	for o := (client.BulkOptions{}); ; {
		step, err := r.client.ReplayDeliveries(ctx, dead, o)
		must(t, err)
		if dead.Cursor = step.Next; dead.Cursor == "" {
			break
		}
	}
	r.count(event.Delivered, n)
	if got := r.audited("bulk replay of deliveries", 3); got != n {
		t.Errorf("the log has %d, want %d:\n%s", got, n, &r.logged)
	}
}

// audited waits for so many lines of the log about an action, and gives how many it was done to by these.
func (r *rig) audited(what string, lines int) (sum int) {
	r.t.Helper()
	line := regexp.MustCompile(`msg="` + what + `" done=(\d+) .*filter=\S*destination=bad\S* remote=127`)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		found := line.FindAllStringSubmatch(r.logged.String(), -1)
		if len(found) >= lines {
			for _, m := range found {
				n, _ := strconv.Atoi(m[1])
				sum += n
			}
			return sum
		}
		if time.Now().After(end) {
			r.t.Fatalf("want %d lines about %s:\n%s", lines, what, &r.logged)
		}
	}
}

func TestBulkReplayOfEvents(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	for i := range 5 {
		r.settled(r.send(fmt.Sprintf(`{"to":"good","n":%d}`, i)), 1)
		r.arrival()
	}
	r.send(`{"to":"nobody"}`)
	if got, err := r.client.ReplayEvents(ctx, client.Filter{Source: "open"}, client.BulkOptions{}); err != nil || got.Done != 5 || got.Kept != 1 {
		t.Errorf("replayed %+v, %v", got, err)
	}
	for range 5 {
		r.arrival()
	}
	_, err := r.client.ReplayEvents(ctx, client.Filter{}, client.BulkOptions{To: "nowhere"})
	refused(t, err, http.StatusBadRequest)
}

// TestReplayElsewhere: to a destination that no rule names, by the route or as it came, as a new delivery.
func TestReplayElsewhere(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	id := r.die(1, 400)[0]
	if d, err := r.client.ReplayDeliveryTo(ctx, id, "good"); err != nil || d.State != event.Dead {
		t.Errorf("what is sent elsewhere is %+v, %v", d, err)
	}
	if got := r.arrival(); !strings.Contains(got, `"to":"bad"`) {
		t.Errorf("arrived %s", got)
	}
	dead, err := r.client.Delivery(ctx, id)
	must(t, err)
	if change, err := r.client.ReplayEventTo(ctx, dead.Event, "good"); err != nil || change.Added != 1 {
		t.Errorf("change %+v, %v", change, err)
	}
	r.arrival()
	e := r.settled(dead.Event, 3)
	if e.Dead != 1 || e.Delivered != 2 {
		t.Errorf("event %+v", e)
	}
	_, err = r.client.ReplayDeliveryTo(ctx, id, "nowhere")
	refused(t, err, http.StatusBadRequest)
}
