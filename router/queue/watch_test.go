package queue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// told lists n updates from from on, in words.
func told(t testing.TB, r *rig, from queue.Pos, n int) (out []string, last queue.Pos) {
	t.Helper()
	for u, err := range r.Watch(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		words := []string{string(u.Kind)}
		if u.Event != nil {
			words = append(words, u.Event.Source, fmt.Sprint(u.Size))
		}
		if u.Delivery != nil {
			words = append(words, u.Delivery.Destination, u.Delivery.State.String(), u.Delivery.Reason.String())
		}
		if u.Attempt != nil {
			words = append(words, fmt.Sprint(u.Attempt.Number, u.Attempt.Status))
		}
		out, last = append(out, strings.TrimSpace(strings.Join(words, " "))), u.Pos
		if len(out) == n {
			break
		}
	}
	return out, last
}

// TestWatch: the story is told live as it is told afterwards, but that only the live one knows who was superseded.
func TestWatch(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	live := make(chan []string)
	from := r.Stats().Applied
	go func() {
		got, _ := told(t, r, from, 8)
		live <- got
	}()
	ev, ds := coalesced("first", "k", 0, 0)
	until(t, "the watcher watches", func() bool { return r.Watchers() == 1 })
	r.put(t, ev, ds)
	ev, ds = coalesced("second", "k", 0, 0)
	r.put(t, ev, ds)
	le, _, _ := next(t, l)
	finish(t, l, le, event.Outcome{State: event.Dead, Reason: event.ReasonRefused})
	until(t, "dead", func() bool { return r.Stats().Dead == 1 })
	if err := r.Drop(t.Context(), ds[0].ID); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"event cms 5", "delivery build pending",
		"event cms 6", "delivery build canceled coalesced", "delivery build pending",
		"attempt build pending", "delivery build dead refused 1 200", "delivery build canceled dropped",
	}
	if got := <-live; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("live:\n%q, want\n%q", got, want)
	}
	after, last := told(t, r, 0, 7)
	if fmt.Sprint(after) != fmt.Sprint(append(want[:3:3], want[4:]...)) {
		t.Errorf("afterwards:\n%q", after)
	}
	if last != r.Stats().Applied {
		t.Errorf("the last update is at %d, applied is %d", last, r.Stats().Applied)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for u, err := range r.Watch(ctx, last) {
		t.Errorf("after the end: %+v, %v", u, err)
	}
}

func TestNotes(t *testing.T) {
	log := logtest.NewMemory()
	r := start(t, log, queue.Options{})
	for key, value := range map[string]string{"pause/a": "1", "pause/b": "2", "secret/x": "3"} {
		if err := r.SetNote(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.SetNote(t.Context(), "pause/a", ""); err != nil {
		t.Fatal(err)
	}
	crashed := start(t, log.Cut(log.Len()), queue.Options{})
	if got := crashed.Notes("pause/"); len(got) != 1 || got["pause/b"] != "2" {
		t.Errorf("notes %v", got)
	}
	if _, ok := crashed.Note("pause/a"); ok {
		t.Error("a deleted note is there")
	}
	if err := r.SetNote(t.Context(), strings.Repeat("k", 257), "v"); err == nil {
		t.Error("a key of 257 bytes was taken")
	}
	r.same(t)
}

// TestUnknownRecordIsPassedOver: what cannot be decoded is counted, and the queue goes on.
func TestUnknownRecordIsPassedOver(t *testing.T) {
	log := logtest.NewMemory()
	if _, err := log.Append(t.Context(), queue.Record("garbage")); err != nil {
		t.Fatal(err)
	}
	r := start(t, log, queue.Options{})
	if _, err := log.Append(t.Context(), queue.Record{1, 99}, queue.Record{}); err != nil {
		t.Fatal(err)
	}
	ev, ds := anEvent("a", "", "build")
	r.put(t, ev, ds)
	if s := r.Stats(); s.Skipped != 3 || s.Pending != 1 {
		t.Errorf("stats %+v", s)
	}
	r.same(t)
}

func TestEndOfTheLogEndsRun(t *testing.T) {
	log := logtest.NewMemory()
	q, err := queue.Open(t.Context(), log, queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- q.Run(t.Context()) }()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("Run ended without an error")
	}
	ev, ds := anEvent("a", "", "build")
	if _, err := q.Enqueue(t.Context(), ev, ds); err == nil {
		t.Error("a closed queue accepted an event")
	}
}
