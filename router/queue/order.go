package queue

import "slices"

// enqueueOrder puts a pending row into the chain of its order key, oldest first; only the first may be leased.
func (s *state) enqueueOrder(l *laneRows, r ref) {
	w := s.table.row(r)
	key := orderKey{w.dest, s.keys[r].order}
	chain := s.orders[key]
	at := len(chain)
	for at > 0 && s.older(r, chain[at-1]) {
		at--
	}
	if at == 0 && len(chain) > 0 {
		if first := s.table.row(chain[0]); first.place == placeHeap || first.place == placeAside {
			s.pull(l, chain[0])
		}
	}
	s.orders[key] = slices.Insert(chain, at, r)
	if at == 0 && !w.started() {
		s.push(l, r)
	}
}

func (s *state) leaveOrder(l *laneRows, r ref, k *rowKeys) {
	key := orderKey{l.name, k.order}
	chain := s.orders[key]
	at := slices.Index(chain, r)
	chain = slices.Delete(chain, at, at+1)
	if len(chain) == 0 {
		delete(s.orders, key)
		return
	}
	s.orders[key] = chain
	if first := s.table.row(chain[0]); at == 0 && first.place == placeNone && !first.started() {
		s.push(l, chain[0])
	}
}

// turn reports whether a pending row is the oldest of its order key, or has none.
func (s *state) turn(r ref) bool {
	w := s.table.row(r)
	if w.flags&rowKeyed == 0 || s.keys[r].order == "" {
		return true
	}
	return s.orders[orderKey{w.dest, s.keys[r].order}][0] == r
}

func (s *state) older(a, b ref) bool {
	x, y := s.table.row(a), s.table.row(b)
	if x.created != y.created {
		return x.created < y.created
	}
	return string(x.id[:]) < string(y.id[:])
}
