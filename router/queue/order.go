package queue

// order is the chain of the pending rows of one order key, in the order of their turns. Only the first may be leased.
type order struct{ first, last ref }

// enqueueOrder puts a pending row into the chain of its order key: at the end, in whose order the log has them, but for
// what a snapshot or a carried record brings back to its turn.
func (s *state) enqueueOrder(l *laneRows, r ref) {
	w, k := s.table.row(r), s.keys[r]
	key := orderKey{w.dest, k.order}
	o := s.orders[key]
	if k.turn == 0 {
		k.turn = w.since
		if o.last != 0 { // clocks are set back
			k.turn = max(k.turn, s.keys[o.last].turn+1)
		}
	}
	ahead := o.last
	for ahead != 0 && s.keys[ahead].turn > k.turn {
		ahead = s.keys[ahead].ahead
	}
	if ahead == 0 {
		s.giveWay(l, o.first)
	}
	s.orders[key] = s.between(o, ahead, r)
	if ahead == 0 && !w.started() {
		s.push(l, r)
	}
}

// giveWay makes the first of a chain wait for its turn again; r may be 0.
func (s *state) giveWay(l *laneRows, r ref) {
	if r == 0 {
		return
	}
	if p := s.table.row(r).place; p == placeHeap || p == placeAside {
		s.pull(l, r)
	}
}

// between links r behind ahead, at the beginning when that is 0.
func (s *state) between(o order, ahead, r ref) order {
	k, behind := s.keys[r], o.first
	if ahead != 0 {
		behind = s.keys[ahead].behind
		s.keys[ahead].behind = r
	} else {
		o.first = r
	}
	if behind != 0 {
		s.keys[behind].ahead = r
	} else {
		o.last = r
	}
	k.ahead, k.behind = ahead, behind
	return o
}

func (s *state) leaveOrder(l *laneRows, k *rowKeys) {
	key := orderKey{l.name, k.order}
	o := s.orders[key]
	if k.ahead != 0 {
		s.keys[k.ahead].behind = k.behind
	} else {
		o.first = k.behind
	}
	if k.behind != 0 {
		s.keys[k.behind].ahead = k.ahead
	} else {
		o.last = k.ahead
	}
	first := k.ahead == 0
	k.ahead, k.behind = 0, 0
	if o.first == 0 {
		delete(s.orders, key)
		return
	}
	s.orders[key] = o
	if next := s.table.row(o.first); first && next.place == placeNone && !next.started() {
		s.push(l, o.first)
	}
}

// turn reports whether a pending row is the first of its order key, or has none.
func (s *state) turn(r ref) bool {
	w := s.table.row(r)
	if w.flags&rowKeyed == 0 || s.keys[r].order == "" {
		return true
	}
	return s.orders[orderKey{w.dest, s.keys[r].order}].first == r
}
