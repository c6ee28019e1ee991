package history_test

import (
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// TestEventsFarFromTheirDeliveries: a block is not skipped for a state that only deliveries in other blocks have.
func TestEventsFarFromTheirDeliveries(t *testing.T) {
	h := open(t, t.TempDir(), small)
	defer h.Close()
	m := &model{clock: 1_000_000}
	for range 41 {
		m.store("a", "b", "c")
	}
	last := m.store("a", "b", "c", event.Dead) // the last row of a block, its delivery is in the next
	for range 100 {
		m.store("a", "b", "c")
	}
	m.again(m.events[60], 1) // its delivery is blocks away
	m.set(m.events[60].deliveries[0], event.Canceled)
	m.feed(h)
	for state, id := range map[event.State]event.EventID{event.Dead: last.ID, event.Canceled: m.events[60].ID} {
		page, err := h.Events(history.Filter{State: state}, "", 10)
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != id {
			t.Errorf("%s: %+v, %v, want %s", state, page, err, id)
		}
	}
}
