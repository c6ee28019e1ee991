package history

import "github.com/hookrouter/hookrouter/event"

// Event finds the row of an event by its id; ok is false when there is none.
func (h *History) Event(id event.EventID) (e Event, ok bool, err error) {
	r, ok, err := h.find(id, rowEvent)
	return r.event(), ok, err
}

// Delivery finds the row of a delivery by its id; ok is false when there is none.
func (h *History) Delivery(id event.DeliveryID) (d Delivery, ok bool, err error) {
	r, ok, err := h.find(id, rowDelivery)
	return r.delivery(), ok, err
}

// EventDeliveries finds all deliveries of an event by its id: those made with it, then those added, newest first.
func (h *History) EventDeliveries(id event.EventID) (ds []Delivery, err error) {
	err = h.read(func() error {
		e, i, s, err := h.locate(id, rowEvent)
		if err != nil || s == nil {
			return err
		}
		return s.reader().deliveries(h.main.reader(), &e, i, func(d *row) { ds = append(ds, d.delivery()) })
	})
	return ds, err
}

func (h *History) find(id [16]byte, kind uint8) (r row, ok bool, err error) {
	err = h.read(func() error {
		var s *stream
		r, _, s, err = h.locate(id, kind)
		ok = s != nil
		return err
	})
	return r, ok, err
}

// locate returns the row of id that is listed, its index and its stream; no stream when there is none.
func (h *History) locate(id [16]byte, kind uint8) (row, int, *stream, error) {
	listed := func(r *row) bool {
		return r.kind == kind && r.flags&flagHidden == 0 && r.pos >= h.dropped
	}
	for _, s := range []*stream{h.main, h.carried} {
		c := s.reader()
		i, err := c.findID(id, listed)
		if err != nil {
			return row{}, -1, nil, err
		}
		if i < 0 {
			continue
		}
		r, err := c.at(i)
		if err != nil {
			return row{}, -1, nil, err
		}
		return *r, i, s, nil
	}
	return row{}, -1, nil, nil
}
