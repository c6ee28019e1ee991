package queue

// laneRows are the rows of one destination. Its durable part is owner; the rest follows from the rows.
type laneRows struct {
	name        uint32
	destination string
	owner       token // who may start attempts; zero: nobody yet

	heap    []ref // leasable rows, the next one first
	aside   []ref // rows whose route was not wanted
	oldest  ref   // all pending rows, by since
	newest  ref
	pending int
	dead    int
	started map[ref]struct{}
	claimed map[ref]struct{} // rows that who waits for their answer attempts; nil when there never was one
	earlier bool             // the first row of the heap changed since it was last looked at
}

// before orders the heap: by due, then the one that has been pending longer, then by id.
func (s *state) before(a, b ref) bool {
	x, y := s.table.row(a), s.table.row(b)
	if x.due != y.due {
		return x.due < y.due
	}
	if x.since != y.since {
		return x.since < y.since
	}
	return string(x.id[:]) < string(y.id[:])
}

func (s *state) push(l *laneRows, r ref) {
	l.heap = append(l.heap, r)
	w := s.table.row(r)
	w.place = placeHeap
	w.at = uint32(len(l.heap) - 1)
	s.up(l, len(l.heap)-1)
	if l.heap[0] == r {
		l.wake(s)
	}
}

// wake notes that a waiting lane has to look again.
func (l *laneRows) wake(s *state) {
	if !l.earlier {
		l.earlier = true
		s.woken = append(s.woken, l)
	}
}

// rest forgets who has to look again.
func (s *state) rest() {
	for _, l := range s.woken {
		l.earlier = false
	}
	s.woken = s.woken[:0]
}

// pull takes a row out of the heap or from the aside list.
func (s *state) pull(l *laneRows, r ref) {
	w := s.table.row(r)
	at := int(w.at)
	switch w.place {
	case placeHeap:
		s.swap(l, at, len(l.heap)-1)
		l.heap = l.heap[:len(l.heap)-1]
		if at < len(l.heap) {
			s.up(l, at)
			s.down(l, at)
		}
	case placeAside:
		end := len(l.aside) - 1
		l.aside[at] = l.aside[end]
		s.table.row(l.aside[at]).at = uint32(at)
		l.aside = l.aside[:end]
	}
	w.place = placeNone
}

// putAside keeps a row that is in no heap until comeBack.
func (s *state) putAside(l *laneRows, r ref) {
	w := s.table.row(r)
	w.place, w.at = placeAside, uint32(len(l.aside))
	l.aside = append(l.aside, r)
}

// mostLooked bounds what is looked through while everybody waits.
const mostLooked = 10_000

// nextRetry is the row in the heap that was tried before and is due next, of those near its top; 0 when none was.
func (s *state) nextRetry(l *laneRows) (next ref) {
	for _, r := range l.heap[:min(len(l.heap), mostLooked)] {
		if s.table.row(r).tries > 0 && (next == 0 || s.before(r, next)) {
			next = r
		}
	}
	return next
}

func (s *state) comeBack(l *laneRows) {
	back := l.aside
	l.aside = nil
	for _, r := range back {
		s.push(l, r)
	}
}

func (s *state) up(l *laneRows, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(l.heap[i], l.heap[parent]) {
			return
		}
		s.swap(l, i, parent)
		i = parent
	}
}

func (s *state) down(l *laneRows, i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(l.heap); c++ {
			if s.before(l.heap[c], l.heap[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		s.swap(l, i, least)
		i = least
	}
}

func (s *state) swap(l *laneRows, i, j int) {
	l.heap[i], l.heap[j] = l.heap[j], l.heap[i]
	s.table.row(l.heap[i]).at = uint32(i)
	s.table.row(l.heap[j]).at = uint32(j)
}

// link enters a row among the pending ones: at the end, but for what a snapshot brings out of order.
func (s *state) link(l *laneRows, r ref) {
	w := s.table.row(r)
	w.before, w.after = l.newest, 0
	if l.newest != 0 {
		s.table.row(l.newest).after = r
	} else {
		l.oldest = r
	}
	l.newest = r
	l.pending++
}

func (s *state) unlink(l *laneRows, r ref) {
	w := s.table.row(r)
	if w.before != 0 {
		s.table.row(w.before).after = w.after
	} else {
		l.oldest = w.after
	}
	if w.after != 0 {
		s.table.row(w.after).before = w.before
	} else {
		l.newest = w.before
	}
	w.before, w.after = 0, 0
	l.pending--
}
