package admin_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
)

// take reads n updates of a stream.
func (r *rig) take(from string, n int) (got []client.Update) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	for u, err := range r.client.Stream(ctx, from) {
		must(r.t, err)
		if got = append(got, u); len(got) == n {
			return got
		}
	}
	r.t.Fatalf("the stream ended after %d of %d updates: %+v", len(got), n, got)
	return nil
}

func kinds(us []client.Update) (out []string) {
	for _, u := range us {
		out = append(out, u.Kind)
	}
	return out
}

func TestStreamTellsTheWayOfAnEvent(t *testing.T) {
	r := newRig(t)
	id := r.send(`{"to":"good"}`)
	r.settled(id, 1)
	got := r.take(client.Oldest, 4)
	if want := "[event delivery attempt delivery]"; fmt.Sprint(kinds(got)) != want {
		t.Fatalf("kinds %v, want %v", kinds(got), want)
	}
	if got[0].Event.ID != id || got[1].Delivery.Event != id || got[3].Delivery.State.String() != "delivered" || got[3].Attempt.Status != 200 {
		t.Errorf("updates %+v", got)
	}
}

// TestStreamGoesOnWithoutGapOrRepeat from any update on, also from the middle of one record.
func TestStreamGoesOnWithoutGapOrRepeat(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.settled(r.send(`{"to":"good"}`), 1)
	}
	all := r.take(client.Oldest, 12)
	for i, u := range all[:11] {
		rest := r.take(u.ID, 11-i)
		for j, v := range rest {
			if v.ID != all[i+1+j].ID || v.Kind != all[i+1+j].Kind {
				t.Fatalf("behind %d: update %d is %s %s, want %s %s", i, j, v.ID, v.Kind, all[i+1+j].ID, all[i+1+j].Kind)
			}
		}
	}
}

func TestStreamFromNow(t *testing.T) {
	r := newRig(t)
	r.settled(r.send(`{"to":"good"}`), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ids := make(chan string, 100)
	go func() {
		defer close(ids)
		for u, err := range r.client.Stream(ctx, client.Newest) {
			if err == nil && u.Event != nil {
				ids <- u.Event.ID.String()
			}
		}
	}()
	// The stream may begin a moment later than this goroutine: send until something comes.
	var sent []string
	for {
		sent = append(sent, r.send(fmt.Sprintf(`{"n":%d}`, len(sent))).String())
		select {
		case got := <-ids:
			if !contains(sent, got) {
				t.Errorf("got %s, which is older than the stream", got)
			}
			return
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("nothing came")
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestStreamRefusesForeignIDs(t *testing.T) {
	r := newRig(t)
	for _, id := range []string{"x", "-1", "1-0", "1-x", "0-1", "99999999999999999999", "1-1-1"} {
		var err error
		for _, err = range r.client.Stream(t.Context(), id) {
			break
		}
		refused(t, err, 400)
	}
}
