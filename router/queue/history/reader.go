package history

import "github.com/hookrouter/hookrouter/event"

// reader reads rows of one stream and keeps the block it read last. It is for one goroutine, which holds
// History.files as long as it uses it.
type reader struct {
	s     *stream
	buf   []byte
	first int // index of the first row in buf
	count int // rows in buf
	row   row
	read  int // rows examined
	dirty bool
}

func (s *stream) reader() *reader { return &reader{s: s, buf: make([]byte, blockSize)} }

// at returns row i, which lies in [begin, end); it is overwritten by the next call.
func (c *reader) at(i int) (*row, error) {
	if i < c.first || i >= c.first+c.count {
		if err := c.load(i); err != nil {
			return nil, err
		}
	}
	c.row.decode(rowBytes(c.buf, i-c.first))
	return &c.row, nil
}

func (c *reader) load(i int) error {
	if err := c.flush(); err != nil {
		return err
	}
	x, n := c.s.fileOf(i)
	block := n / rowsPerBlock
	c.count = 0
	count, err := x.readBlock(c.buf, block)
	if err != nil {
		return err
	}
	c.first, c.count = i-n%rowsPerBlock, count
	c.read += count
	return nil
}

// find returns the index of the row that p changes, if the record at p.pos made it, or -1.
func (c *reader) find(p *patch) (int, error) {
	i, err := c.s.search(c, p.pos)
	if err != nil {
		return -1, err
	}
	for ; i < c.s.end(); i++ {
		r, err := c.at(i)
		if err != nil || r.pos != p.pos {
			return -1, err
		}
		if p.fits(r) {
			return i, nil
		}
	}
	return -1, nil
}

// findID returns the index of the newest row of id that ok accepts, or -1. Ids carry their time, and time mostly
// grows with the position: only blocks that hold the time are read.
func (c *reader) findID(id [16]byte, ok func(*row) bool) (int, error) {
	t := idTime(id)
	for n := len(c.s.files) - 1; n >= 0; n-- {
		x := c.s.files[n]
		if t < x.min || t > x.max {
			continue
		}
		blocks, err := x.index()
		if err != nil {
			return -1, err
		}
		for b := len(blocks) - 1; b >= 0; b-- {
			if t < blocks[b].min || t > blocks[b].max {
				continue
			}
			if i, err := c.findIn(int(x.number)*c.s.perFile+b*rowsPerBlock, id, ok); err != nil || i >= 0 {
				return i, err
			}
		}
	}
	return -1, nil
}

// findIn looks for id in the block that begins with row i.
func (c *reader) findIn(i int, id [16]byte, ok func(*row) bool) (int, error) {
	for end := min(i+rowsPerBlock, c.s.end()); i < end; i++ {
		r, err := c.at(i)
		if err != nil {
			return -1, err
		}
		if r.id == id && ok(r) {
			return i, nil
		}
	}
	return -1, nil
}

// deliveries calls yield for each delivery of the event e, whose row has index i: those made with it, then those
// added, newest first. Rows are overwritten after yield returns.
func (c *reader) deliveries(main *reader, e *row, i int, yield func(*row)) error {
	for i++; e.round > 0 && i < c.s.end(); i++ {
		r, err := c.at(i)
		if err != nil {
			return err
		}
		if r.pos != e.pos {
			break
		}
		yield(r)
	}
	for at, before := e.link, ^uint64(0); at != 0 && at < before; {
		next, err := main.added(at, e.pos, yield)
		if err != nil {
			return err
		}
		at, before = next, at
	}
	return nil
}

// added calls yield for what the record at pos added to the event at eventPos, and returns the addition before.
func (c *reader) added(pos, eventPos uint64, yield func(*row)) (previous uint64, err error) {
	i, err := c.s.search(c, pos)
	if err != nil {
		return 0, err
	}
	for ; i < c.s.end(); i++ {
		r, err := c.at(i)
		if err != nil || r.pos != pos {
			return previous, err
		}
		if r.kind == rowDelivery && r.link == eventPos {
			previous = r.extra
			yield(r)
		}
	}
	return previous, nil
}

// Counts are an event's deliveries by state.
type Counts struct{ Pending, Delivered, Dead, Canceled int }

func (c *Counts) add(s event.State) {
	switch s {
	case event.Pending:
		c.Pending++
	case event.Delivered:
		c.Delivered++
	case event.Dead:
		c.Dead++
	case event.Canceled:
		c.Canceled++
	}
}
