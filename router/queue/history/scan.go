package history

import (
	"math"

	"github.com/hookrouter/hookrouter/event"
)

// scan is one walk over a stream under a Filter.
type scan struct {
	rows    *reader
	side    *reader // for deliveries that were added later
	dropped uint64
	loaded  int // rows of files whose index was loaded on the way

	source, route, dest uint32
	typ, sender         uint64
	state               event.State
	unmatched           bool
	since, until        int64
	anyOf               uint8 // bits of which a block must hold one; 0: none
}

func newScan(h *History, stream *stream, f *Filter) *scan {
	s := &scan{
		rows: stream.reader(), side: h.main.reader(), dropped: h.dropped,
		source: short(HashOf(f.Source)), route: short(HashOf(f.Route)), dest: short(HashOf(f.Destination)),
		typ: uint64(HashOf(f.Type)), sender: uint64(HashOf(f.Sender)),
		state: f.State, unmatched: f.Unmatched, since: math.MinInt64, until: math.MaxInt64,
	}
	if !f.Since.IsZero() {
		s.since = f.Since.UnixMilli()
	}
	if !f.Until.IsZero() {
		s.until = f.Until.UnixMilli()
	}
	if f.State != 0 {
		s.anyOf = stateBit(f.State) | holdsLinked
	}
	if f.Unmatched {
		s.anyOf = holdsUnmatched
	}
	return s
}

// spent reports whether the walk has read its share.
func (s *scan) spent() bool { return s.rows.read+s.side.read+s.loaded/4 >= Budget }

// skip returns i, or a lower index when the rows above it cannot pass.
func (s *scan) skip(i int) (int, error) {
	x, n := s.rows.s.fileOf(i)
	start := i - n
	if x.max < s.since || x.min > s.until {
		return start - 1, nil
	}
	if s.anyOf == 0 && s.since == math.MinInt64 && s.until == math.MaxInt64 {
		return i, nil
	}
	blocks, err := s.index(x)
	if err != nil {
		return i, err
	}
	for ; n >= 0; n -= n%rowsPerBlock + 1 {
		b := &blocks[n/rowsPerBlock]
		if (s.anyOf == 0 || b.holds&s.anyOf != 0) && b.max >= s.since && b.min <= s.until {
			break
		}
	}
	return start + n, nil
}

func (s *scan) index(x *file) ([]blockInfo, error) {
	before := x.loaded()
	blocks, err := x.index()
	if !before {
		s.loaded += x.rows
	}
	return blocks, err
}

// event takes events.
func (s *scan) event(r *row, i int) (item EventItem, ok bool, err error) {
	if r.kind != rowEvent || !s.passes(r) || s.sender != 0 && r.extra != s.sender ||
		s.unmatched && (r.flags&flagUnmatched == 0 || r.link != 0) {
		return item, false, nil
	}
	e := *r
	item.Event = e.event()
	ok = s.route == 0 && s.dest == 0 && s.state == 0
	err = s.rows.deliveries(s.side, &e, i, func(d *row) {
		item.add(event.State(d.state))
		ok = ok || s.fits(d)
	})
	return item, ok, err
}

// delivery takes deliveries.
func (s *scan) delivery(r *row, _ int) (d Delivery, ok bool, err error) {
	if r.kind != rowDelivery || s.unmatched || !s.passes(r) || !s.fits(r) || r.link < s.dropped {
		return d, false, nil
	}
	return r.delivery(), true, nil
}

// passes checks what events and deliveries have in common.
func (s *scan) passes(r *row) bool {
	made := r.made()
	return r.flags&flagHidden == 0 && (s.source == 0 || r.source == s.source) && (s.typ == 0 || r.typ == s.typ) &&
		made >= s.since && made <= s.until
}

// fits checks what only deliveries have.
func (s *scan) fits(d *row) bool {
	return (s.route == 0 || d.route == s.route) && (s.dest == 0 || d.dest == s.dest) &&
		(s.state == 0 || event.State(d.state) == s.state)
}

// start is the index of the first row to look at.
func (s *scan) start(from cursor) (int, error) {
	if from.pos == 0 {
		return s.rows.s.end() - 1, nil
	}
	i, err := s.rows.s.search(s.rows, from.pos)
	if err != nil || i == s.rows.s.end() {
		return i - 1, err
	}
	r, err := s.rows.at(i)
	if err != nil || r.pos != from.pos {
		return i - 1, err // its rows were dropped
	}
	return min(i+int(from.n), s.rows.s.end()) - 1, nil
}

// cursor is for going on below row i, whose position is pos.
func (s *scan) cursor(i int, pos uint64) (cursor, error) {
	first, err := s.rows.s.search(s.rows, pos)
	return cursor{pos: pos, n: uint32(i - first)}, err
}
