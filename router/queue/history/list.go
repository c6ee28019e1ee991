package history

import (
	"bytes"
	"sort"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Filter selects rows; empty fields select all. Texts are compared by hash and times to the millisecond, so a few
// rows may pass that the record then refuses.
type Filter struct {
	Source, Type, Sender string
	Route, Destination   string      // for events: of one of their deliveries
	State                event.State // for events: of one of their deliveries, that of Route and Destination
	Unmatched            bool        // events that no route matched; no deliveries
	Since, Until         time.Time   // of the time in the id; both are in
}

// EventItem is an event in a list.
type EventItem struct {
	Event
	Counts
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	Next  string // cursor of the next page, "" at the end; a page may be short, even empty, and have one
}

// Budget is about how many rows one page looks at.
const Budget = 100_000

// Events lists events, newest first by position, then the carried ones, newest first by id. cursor is "" or Next of
// an earlier page; limit is at least 1. A page reflects what was applied before the call.
func (h *History) Events(f Filter, cursor string, limit int) (Page[EventItem], error) {
	return list(h, f, cursor, limit, (*scan).event)
}

// Deliveries lists deliveries in the same way.
func (h *History) Deliveries(f Filter, cursor string, limit int) (Page[Delivery], error) {
	return list(h, f, cursor, limit, (*scan).delivery)
}

// taker makes an item of row i when the filter lets it pass.
type taker[T any] func(s *scan, r *row, i int) (item T, ok bool, err error)

func list[T any](h *History, f Filter, text string, limit int, take taker[T]) (page Page[T], err error) {
	from, err := parseCursor(text)
	if err != nil {
		return page, err
	}
	err = h.read(func() error {
		if !from.carried {
			if page.Items, from, err = walk(newScan(h, h.main, &f), from, limit, take); err != nil {
				return err
			}
		}
		if from.carried {
			var items []T
			items, from, err = newest(newScan(h, h.carried, &f), from, limit-len(page.Items), take)
			page.Items = append(page.Items, items...)
		}
		page.Next = from.String()
		return err
	})
	return page, err
}

// read runs fn with everything applied written and nobody writing.
func (h *History) read(fn func() error) error {
	if err := h.Flush(); err != nil {
		return err
	}
	h.files.RLock()
	err := h.check()
	if err == nil {
		err = fn()
	}
	h.files.RUnlock()
	if err != nil {
		return h.fail(err)
	}
	return nil
}

// walk goes down the rows from a cursor until it has limit items or has seen enough; at the end of the stream it
// returns the cursor at the start of the carried ones.
func walk[T any](s *scan, from cursor, limit int, take taker[T]) (items []T, next cursor, err error) {
	i, err := s.start(from)
	if err != nil {
		return nil, from, err
	}
	for i >= s.rows.s.begin() {
		below, err := s.skip(i)
		if err != nil {
			return nil, from, err
		}
		if below < i && (below < s.rows.s.begin() || !s.spent()) {
			i = below
			continue
		}
		i = below
		r, err := s.rows.at(i)
		if err != nil {
			return nil, from, err
		}
		if r.pos < s.dropped {
			break
		}
		pos := r.pos
		item, ok, err := take(s, r, i)
		if err != nil {
			return nil, from, err
		}
		if ok {
			items = append(items, item)
		}
		if len(items) == limit || s.spent() {
			next, err := s.cursor(i, pos)
			return items, next, err
		}
		i--
	}
	return items, cursor{carried: true}, nil
}

// newest collects the limit items with the highest ids below the cursor's. Carried rows are few: all are looked at.
func newest[T any](s *scan, from cursor, limit int, take taker[T]) ([]T, cursor, error) {
	top := top[T]{limit: limit}
	for i := s.rows.s.end() - 1; i >= s.rows.s.begin(); i-- {
		below, err := s.skip(i)
		if err != nil {
			return nil, from, err
		}
		if below < i {
			i = below + 1
			continue
		}
		r, err := s.rows.at(i)
		if err != nil {
			return nil, from, err
		}
		id := r.id
		if r.pos < s.dropped || !from.before(id) || !top.wants(id) {
			continue
		}
		item, ok, err := take(s, r, i)
		if err != nil {
			return nil, from, err
		}
		if ok {
			top.add(id, item)
		}
	}
	if !top.more {
		return top.items, cursor{}, nil
	}
	next := from
	if len(top.ids) > 0 {
		next.id = top.ids[len(top.ids)-1]
	}
	return top.items, next, nil
}

// top keeps the limit items with the highest ids, highest first.
type top[T any] struct {
	limit int
	ids   [][16]byte
	items []T
	more  bool // some were left out
}

func (t *top[T]) wants(id [16]byte) bool {
	return !t.more || t.limit > 0 && bytes.Compare(id[:], t.ids[len(t.ids)-1][:]) > 0
}

func (t *top[T]) add(id [16]byte, item T) {
	i := sort.Search(len(t.ids), func(i int) bool { return bytes.Compare(t.ids[i][:], id[:]) < 0 })
	t.ids = append(t.ids[:i], append([][16]byte{id}, t.ids[i:]...)...)
	t.items = append(t.items[:i], append([]T{item}, t.items[i:]...)...)
	if len(t.ids) > t.limit {
		t.ids, t.items, t.more = t.ids[:t.limit], t.items[:t.limit], true
	}
}
