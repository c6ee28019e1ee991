package history

// change applies p to row i; flush, or the next load, writes it. Its caller holds History.files for writing.
func (c *reader) change(i int, p *patch) error {
	r, err := c.at(i)
	if err != nil {
		return err
	}
	p.apply(r)
	r.encode(rowBytes(c.buf, i-c.first))
	c.dirty = true
	return nil
}

// flush writes the block that was changed last.
func (c *reader) flush() error {
	if !c.dirty {
		return nil
	}
	c.dirty = false
	x, n := c.s.fileOf(c.first)
	return x.writeBlock(c.buf, n/rowsPerBlock, c.count)
}

// patchAll applies patches, in order of pos, to the rows of both streams. A patch of a row that is not there is
// dropped: retention removed the row.
func patchAll(main, carried *stream, patches []patch) error {
	if len(patches) == 0 {
		return nil
	}
	m, c := main.reader(), carried.reader()
	for i := range patches {
		if err := patchOne(m, c, &patches[i]); err != nil {
			return err
		}
	}
	if err := m.flush(); err != nil {
		return err
	}
	return c.flush()
}

func patchOne(m, c *reader, p *patch) error {
	for _, r := range []*reader{m, c} {
		i, err := r.find(p)
		if err != nil {
			return err
		}
		if i >= 0 {
			return r.changeFound(c, i, p)
		}
	}
	if p.kind == patchNote {
		return nil
	}
	i, err := m.findID(p.row.id, func(r *row) bool { return r.kind == rowDelivery && r.link == p.pos })
	if err != nil || i < 0 {
		return err
	}
	return m.change(i, p)
}

// changeFound applies p to row i; of an event that was carried before it hides that row, too.
func (c *reader) changeFound(carried *reader, i int, p *patch) error {
	x, err := c.at(i)
	if err != nil {
		return err
	}
	again := p.carriedAgain(x)
	if err := c.change(i, p); err != nil || !again {
		return err
	}
	i, err = carried.findID(p.row.id, func(x *row) bool {
		return x.kind == rowEvent && x.flags&flagHidden == 0 && x.pos < p.row.at
	})
	if err != nil || i < 0 {
		return err
	}
	return carried.change(i, p)
}
