package history

import "sort"

// waitFactor times TailRows unwritten changes make Apply wait for the disk.
const waitFactor = 8

// Apply takes over changes, in order of At, after which everything up to through is reflected. It costs memory only,
// unless the disk is so slow that many times Options.TailRows wait: then it writes them first. After a failure it
// does nothing.
func (h *History) Apply(through uint64, changes []Change) {
	h.mu.Lock()
	if h.err != nil || through <= h.tail.applied {
		h.mu.Unlock()
		return
	}
	before := h.tail.size()
	for i := range changes {
		if c := &changes[i]; c.At > h.tail.applied {
			h.tail.add(c)
		}
	}
	h.tail.applied = through
	after := h.tail.size()
	h.mu.Unlock()
	if before == 0 && after > 0 || before < h.opts.TailRows && after >= h.opts.TailRows {
		h.signal()
	}
	if after >= waitFactor*h.opts.TailRows {
		_ = h.Flush() // fail keeps its error
	}
}

// signal wakes Run.
func (h *History) signal() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Applied is the position up to which changes are reflected; right after Open, the watermark.
func (h *History) Applied() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tail.applied
}

// Err is why the history cannot be used until Reset, nil when it can.
func (h *History) Err() error { return h.check() }

// Flush writes what was applied before it was called, so that reads see it. It does not make it durable.
func (h *History) Flush() error {
	h.writing.Lock()
	defer h.writing.Unlock()
	return h.flush()
}

func (h *History) flush() error {
	h.mu.Lock()
	if h.err != nil || h.tail.empty() {
		h.written = h.tail.applied
		defer h.mu.Unlock()
		return h.err
	}
	t := h.tail
	h.spare.reset(2 * h.opts.TailRows)
	h.tail, h.spare = h.spare, t
	h.tail.applied = t.applied
	h.mu.Unlock()
	if err := h.write(&h.spare); err != nil {
		return h.fail(err)
	}
	h.written = t.applied
	return nil
}

func (h *History) write(t *tail) error {
	h.files.Lock()
	defer h.files.Unlock()
	if err := h.carried.append(t.carried); err != nil {
		return err
	}
	if err := h.inherit(t.rows); err != nil { // finds the carried ones
		return err
	}
	if err := h.main.append(t.rows); err != nil {
		return err
	}
	return patchAll(h.main, h.carried, t.sorted())
}

// inherit gives deliveries that were added to an event the source and type of its row.
func (h *History) inherit(rows []row) error {
	for i := range rows {
		r := &rows[i]
		if r.kind != rowDelivery || r.link == r.pos || r.source != 0 {
			continue
		}
		e, err := h.eventAt(rows, r.link)
		if err != nil {
			return err
		}
		r.source, r.typ = e.source, e.typ
	}
	return nil
}

// eventAt finds the row of the event that the record at pos holds, among rows or those written; the zero row when
// there is none. History.files is held.
func (h *History) eventAt(rows []row, pos uint64) (row, error) {
	i := sort.Search(len(rows), func(i int) bool { return rows[i].pos >= pos })
	if i < len(rows) && rows[i].pos == pos {
		return rows[i], nil
	}
	for _, s := range []*stream{h.main, h.carried} {
		c := s.reader()
		i, err := s.search(c, pos)
		if err != nil {
			return row{}, err
		}
		if i == s.end() {
			continue
		}
		r, err := c.at(i)
		if err != nil {
			return row{}, err
		}
		if r.pos == pos {
			return *r, nil
		}
	}
	return row{}, nil
}
