package deliver

import (
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

// TestPauseSurvivesRestart, over the journal.
func TestPauseSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	s, url := newSink(t, sink.Options{})
	log, end := openJournal(t, dir)
	r := newRig(t, oneRoute("a", url), log)
	if err := r.Pause(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	id := r.send("a", "x")
	r.stop()
	end()

	log, end = openJournal(t, dir)
	t.Cleanup(end)
	r = newRig(t, oneRoute("a", url, "b", url), log)
	r.final(r.send("b", "another lane"))
	if st := r.status("a"); !st.Paused || st.PausedSince.IsZero() || st.Pending != 1 {
		t.Errorf("after the restart: %+v", st)
	}
	if s.Count() != 1 {
		t.Errorf("%d requests, want the one of the other lane", s.Count())
	}
	if err := r.Resume(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d, _ := r.final(id); d.State != event.Delivered {
		t.Errorf("%v", d.State)
	}
	if _, ok := r.queue.Note("pause/a"); ok {
		t.Error("the pause is still noted")
	}
	r.stop()
	if err := r.Pause(t.Context(), "nobody"); err == nil {
		t.Error("an unknown destination was paused")
	}
}

// TestGonePauses: an answer of 410 pauses the lane, over restarts, and costs nothing: neither the delivery nor one of
// its attempts. A URL that is corrected ends it, and so does a person; what a person paused no URL ends.
func TestGonePauses(t *testing.T) {
	dir := t.TempDir()
	_, gone := newSink(t, sink.Options{Status: 410})
	s, right := newSink(t, sink.Options{})
	log, end := openJournal(t, dir)
	r := newRig(t, oneRoute("a", gone+", retry: { attempts: 1 }", "b", right), log)
	id := r.send("a", "x")
	r.attempted(id, 1)
	r.until("it is paused, on disk", func() bool { _, ok := r.queue.Note("pause/a"); return ok && r.status("a").Paused })
	r.final(r.send("b", "another lane"))
	r.stop()
	end()

	log, end = openJournal(t, dir)
	t.Cleanup(end)
	r = newRig(t, oneRoute("a", gone+", retry: { attempts: 1 }", "b", right), log)
	r.final(r.send("b", "another lane"))
	if st := r.status("a"); !st.Paused || !st.Gone || st.PausedSince.IsZero() || st.Pending != 1 {
		t.Fatalf("after the restart: %+v", st)
	}
	r.load(oneRoute("a", right+", retry: { attempts: 1 }", "b", right))
	if d, _ := r.final(id); d.State != event.Delivered || d.Tries != 2 || d.Attempts != 1 || s.Count() != 3 {
		t.Errorf("%+v after %d requests", d, s.Count())
	}
	r.load(oneRoute("a", gone+", retry: { attempts: 1 }", "b", right))
	if st := r.status("a"); !st.Paused || !st.Gone {
		t.Errorf("with the URL that is gone: %+v", st)
	}
	if err := r.Pause(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	r.load(oneRoute("a", right+", retry: { attempts: 1 }", "b", right))
	if st := r.status("a"); !st.Paused || st.Gone {
		t.Errorf("paused by a person: %+v", st)
	}
}

// TestGoneOfBefore: an answer to an attempt that began before a person resumed, or with another URL, pauses nothing.
func TestGoneOfBefore(t *testing.T) {
	for name, change := range map[string]func(r *rig, other string){
		"resumed":     func(r *rig, _ string) { _ = r.Resume(r.t.Context(), "a") },
		"another URL": func(r *rig, other string) { r.load(oneRoute("a", other)) },
	} {
		arrived, answer := make(chan struct{}), make(chan struct{})
		s, url := newSink(t, sink.Options{})
		s.Choose(func(req sink.Request) sink.Behavior {
			if req.Number > 1 {
				return sink.Behavior{}
			}
			close(arrived)
			<-answer
			return sink.Behavior{Status: 410}
		})
		_, other := newSink(t, sink.Options{})
		r := newRig(t, oneRoute("a", url), nil)
		id := r.send("a", "x")
		<-arrived
		change(r, other)
		close(answer)
		if d, as := r.final(id); d.State != event.Delivered || len(as) != 2 {
			t.Errorf("%s: %v after %d attempts", name, d.State, len(as))
		}
		if st := r.status("a"); st.Paused {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

// TestGoneOfATemplatedURL: one of many places is gone, its delivery with it, and nothing is paused.
func TestGoneOfATemplatedURL(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Set("/gone", sink.Behavior{Status: 410})
	r := newRig(t, oneRoute("a", url[:len(url)-1]+`/$(body)"`), nil)
	if d, _ := r.final(r.send("a", "gone")); d.State != event.Dead || d.Reason != event.ReasonRefused {
		t.Errorf("%v %v", d.State, d.Reason)
	}
	if d, _ := r.final(r.send("a", "there")); d.State != event.Delivered || r.status("a").Paused {
		t.Errorf("%v, %+v", d.State, r.status("a"))
	}
}

// TestProbeTriesEarly: when nothing is due, a probe makes the retry that would be next; what is new and waits for its
// time is left alone, and a pause, too.
func TestProbeTriesEarly(t *testing.T) {
	s, url := newSink(t, sink.Options{Status: 500})
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 23h, max_backoff: 23h }"), nil)
	id := r.sendFor("a", "x", 24*time.Hour)
	r.attempted(id, 1)
	later := r.sendLater("a", "y", time.Hour)
	s.SetStatus(200)
	if err := r.Pause(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func() error{
		func() error { return r.Probe(t.Context(), "a") },
		func() error { return r.Resume(t.Context(), "a") },
		func() error { r.final(r.send("a", "z")); return nil },
		func() error { return r.Probe(t.Context(), "a") },
	} {
		if d, as := r.delivery(id); d.State != event.Pending || len(as) != 1 {
			t.Fatalf("too early: %v after %d attempts", d.State, len(as))
		}
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	if d, as := r.final(id); d.State != event.Delivered || len(as) != 2 {
		t.Errorf("%v after %d attempts", d.State, len(as))
	}
	if err := r.Probe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	r.final(r.send("a", "z"))
	if d, as := r.delivery(later); d.State != event.Pending || len(as) != 0 {
		t.Errorf("the new one: %v after %d attempts", d.State, len(as))
	}
}
