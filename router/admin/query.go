package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
)

var filterKeys = [...]string{
	"source", "type", "route", "destination", "sender_id", "state", "group", "since", "until", "limit", "cursor",
}

// parameters reads a query that has these keys, each once at most.
func parameters(r *http.Request, keys ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("query: %v", err)
	}
	for key, vs := range values {
		if !slices.Contains(keys, key) {
			return nil, badRequest("query: unknown parameter %.40q", key)
		}
		if len(vs) != 1 {
			return nil, badRequest("query: %s is given %d times", key, len(vs))
		}
	}
	return values, nil
}

// parseQuery reads the filters of a list. states are the values that `state` may have.
func parseQuery(r *http.Request, states ...string) (queue.Query, error) {
	values, err := parameters(r, filterKeys[:]...)
	if err != nil {
		return queue.Query{}, err
	}
	return queryOf(values, states...)
}

func queryOf(values url.Values, states ...string) (q queue.Query, err error) {
	q.Limit, q.Group = defaultLimit, values.Get("group")
	q.Source, q.Type, q.Route = values.Get("source"), values.Get("type"), values.Get("route")
	q.Destination, q.SenderID, q.Cursor = values.Get("destination"), values.Get("sender_id"), values.Get("cursor")
	if q.State = values.Get("state"); q.State != "" && !slices.Contains(states, q.State) {
		return q, badRequest("state: %.40q is not one of %q", q.State, states)
	}
	if q.Since, err = parseTime("since", values); err != nil {
		return q, err
	}
	if q.Until, err = parseTime("until", values); err != nil {
		return q, err
	}
	return q, parseLimit(&q, values)
}

func parseTime(key string, values url.Values) (time.Time, error) {
	text := values.Get(key)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, badRequest("%s: %.40q is not a time such as 2006-01-02T15:04:05Z", key, text)
	}
	return t.UTC(), nil
}

func parseLimit(q *queue.Query, values url.Values) error {
	text := values.Get("limit")
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return badRequest("limit: %.40q is not a number from 1 to %d", text, maxLimit)
	}
	q.Limit = n
	return nil
}
