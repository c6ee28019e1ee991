package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

const memoryRules = `
version: 1
sources:
  open: { verify: none, type: body.type, dedupe: body.id }
destinations:
  sink: http://127.0.0.1:9/
routes:
  - { name: all, from: open, to: sink, coalesce: { key: body.key, wait: 1h } }
`

// lateLog stores what it was given when the test says so, also for callers who have given up by then.
type lateLog struct {
	*logtest.Memory
	open chan struct{}
	late sync.WaitGroup
}

func (l *lateLog) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	select {
	case <-l.open:
		return l.Memory.Append(ctx, recs...)
	case <-ctx.Done():
		l.late.Go(func() {
			<-l.open
			_, _ = l.Memory.Append(context.WithoutCancel(ctx), recs...)
		})
		return 0, ctx.Err()
	}
}

// TestMemoryOfBodiesIsUsedAgain while records of earlier events still wait for the disk: each is stored as it came,
// with whatever the rules took out of its body.
func TestMemoryOfBodiesIsUsedAgain(t *testing.T) {
	log := &lateLog{Memory: logtest.NewMemory(), open: make(chan struct{})}
	r := rigOn(t, log, memoryRules, func(o *ingest.Options) { o.AckTimeout = 20 * time.Millisecond })
	sent := map[string]string{} // body by id
	for wave := range 8 {
		var all sync.WaitGroup
		for i := range 16 {
			id := fmt.Sprintf("%02d-%02d", wave, i)
			body := fmt.Sprintf(`{"id":"id-%s","type":"type-%s","key":"key-%s","fill":"%s"}`, id, id, id, strings.Repeat(id, 20+i))
			sent[id] = body
			all.Go(func() {
				if got := r.send("open", body); got.Status != 503 {
					t.Errorf("answer %+v from a disk that hangs", got)
				}
			})
		}
		all.Wait()
	}
	close(log.open)
	log.late.Wait()
	checkStored(t, r.queue, sent)
}

func checkStored(t *testing.T, q *queue.Queue, sent map[string]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	keys := map[event.EventID]string{}
	for u, err := range q.Watch(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		switch u.Kind {
		case queue.UpdateEvent:
			id := strings.TrimPrefix(u.Event.DedupeKey, "id-")
			body, err := q.Body(ctx, u.Event.ID)
			if err != nil || string(body) != sent[id] || u.Event.Type != "type-"+id {
				t.Errorf("event %s is stored as type %q, body %q, %v", id, u.Event.Type, body, err)
			}
			keys[u.Event.ID] = "key-" + id
			delete(sent, id)
		case queue.UpdateDelivery:
			if want := keys[u.Delivery.Event]; u.Delivery.Coalesce.Key != want {
				t.Errorf("coalesce key %q, want %q", u.Delivery.Coalesce.Key, want)
			}
			if len(sent) == 0 {
				return
			}
		}
	}
	t.Fatalf("%d events are not stored", len(sent))
}
