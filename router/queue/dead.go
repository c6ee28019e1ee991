package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// DeadGroup is dead deliveries that died of the same thing.
type DeadGroup struct {
	Fingerprint string // of the next four
	Destination string
	Route       string
	Reason      event.Reason
	Class       string // of their last attempts: the result, or the status of the answer; "" when unknown
	Count       int
	First, Last time.Time // when the first and the last one of them died

	Example event.Delivery // the last one
	Attempt event.Attempt  // its last one; zero when there was none
	Detail  string         // operator's text beside its reason
}

// group is what dead rows have in common.
type group struct {
	route, dest, class uint32
	reason             event.Reason
}

// class is the name of a dead row's last attempt's.
func (r *row) class() uint32 {
	if r.state != event.Dead {
		return 0
	}
	return r.at
}

// group is that of a dead row.
func (r *row) group() group { return group{r.route, r.dest, r.class(), r.reason} }

// classOf says how an attempt ended. Rows keep it for people only: a rebuild from a log that was trimmed may not know it.
func classOf(a *event.Attempt) string {
	if a.Status != 0 {
		return strconv.Itoa(a.Status)
	}
	return a.Result
}

// retell takes over what a carried record tells of its i-th row.
func (s *state) retell(r ref, rec *record, i int) {
	if w := s.table.row(r); len(rec.told) > 0 && w.state == event.Dead {
		w.at = s.name(rec.told[i].class)
	}
}

// fingerprint names a group, the same at all times and everywhere.
func fingerprint(destination, route string, reason event.Reason, class string) string {
	sum := sha256.Sum256([]byte(destination + "\x00" + route + "\x00" + reason.String() + "\x00" + class))
	return hex.EncodeToString(sum[:6])
}

// group is "" when the delivery is not dead.
func (at *whereabouts) group() string {
	if at.State != event.Dead {
		return ""
	}
	return fingerprint(at.Destination, at.Route, at.Reason, at.class)
}

// count counts deaths by group.
func (s *state) count(rec *record, eff *effect) {
	if rec.kind == kindCarried {
		return
	}
	for i := range eff.rows {
		if w := &eff.rows[i].row; w.state == event.Dead {
			s.deaths[w.group()]++
		}
	}
}

// Deaths counts, by their groups, the deliveries that died since this process opened the queue, and those of the log that
// it read then. Examples are not given.
func (q *Queue) Deaths() []DeadGroup {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]DeadGroup, 0, len(q.state.deaths))
	for key, n := range q.state.deaths {
		g := q.state.newGroup(key)
		g.Count = n
		all = append(all, *g)
	}
	return all
}

// DeadGroups lists the groups of deliveries that died from since on, the one with the last death first. Empty texts
// select all destinations and routes.
func (q *Queue) DeadGroups(ctx context.Context, destination, route string, since time.Time) ([]DeadGroup, error) {
	var groups []DeadGroup
	for _, g := range q.deadGroups(nanos(since)) {
		if (destination == "" || destination == g.Destination) && (route == "" || route == g.Route) {
			groups = append(groups, *g)
		}
	}
	slices.SortFunc(groups, func(a, b DeadGroup) int { return b.Last.Compare(a.Last) })
	for i := range groups {
		g := &groups[i]
		at, err := q.find(ctx, g.Example.ID)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrTrimmed) {
			continue // it was dropped meanwhile
		}
		if err == nil {
			g.Example = at.Delivery
			var last told
			last, err = q.lastAttempt(ctx, at)
			g.Attempt, g.Detail = last.attempt, last.detail
		}
		if err != nil {
			return nil, err
		}
	}
	return groups, nil
}

func (q *Queue) deadGroups(since int64) map[group]*DeadGroup {
	groups := map[group]*DeadGroup{}
	q.eachRow(func(_ ref, w *row) {
		if w.state != event.Dead || w.updated < since {
			return
		}
		key := w.group()
		g := groups[key]
		if g == nil {
			g = q.state.newGroup(key)
			groups[key] = g
		}
		g.add(w)
	})
	return groups
}

func (s *state) newGroup(key group) *DeadGroup {
	g := &DeadGroup{Destination: s.names[key.dest], Route: s.names[key.route], Reason: key.reason, Class: s.names[key.class]}
	g.Fingerprint = fingerprint(g.Destination, g.Route, g.Reason, g.Class)
	return g
}

func (g *DeadGroup) add(w *row) {
	died := fromNanos(w.updated)
	if g.Count++; g.First.IsZero() || died.Before(g.First) {
		g.First = died
	}
	if died.After(g.Last) {
		g.Last, g.Example = died, event.Delivery{ID: w.id, Event: w.event}
	}
}

// narrow makes a query for a group one that the history can answer; false when there is no such group.
func (q *Queue) narrow(query *Query) bool {
	for _, g := range q.deadGroups(0) {
		if g.Fingerprint == query.Group {
			query.State = event.Dead.String()
			if query.Destination == "" {
				query.Destination = g.Destination
			}
			if query.Route == "" {
				query.Route = g.Route
			}
			return true
		}
	}
	return false
}

// lastWords are how the last attempts of an event's dead deliveries ended, which their records will not tell much longer;
// nil when none is dead.
func (q *Queue) lastWords(ctx context.Context, rows []rowData, eventPos Pos) ([]told, error) {
	all := make([]told, len(rows))
	some := false
	for i := range rows {
		if rows[i].State != event.Dead {
			continue
		}
		at, ok := q.inMemory(rows[i].ID)
		if !ok {
			at = &whereabouts{rowData: rows[i], eventPos: eventPos}
		}
		last, err := q.lastAttempt(ctx, at)
		if err != nil {
			return nil, err
		}
		all[i], some = last, true
	}
	if !some {
		return nil, nil
	}
	return all, nil
}
