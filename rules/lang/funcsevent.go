package lang

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// variable is the value of one of [variables] that is not the body.
func (r *run) variable(name string) any {
	e := r.env
	switch name {
	case "source":
		return e.Source
	case "event":
		return e.Event
	case "id":
		return e.ID
	case "path":
		return e.Path
	case "method":
		return e.Method
	case "remote_ip":
		return e.RemoteIP
	case "received_at":
		return e.ReceivedAt.UTC()
	case "raw":
		if e.kept.raw == nil {
			raw := textOf(e.Raw)
			e.kept.raw = &raw
		}
		return *e.kept.raw
	}
	return r.collection(name)
}

// collection makes headers and query once for all expressions that look at one event.
func (r *run) collection(name string) any {
	k := &r.env.kept
	switch name {
	case "headers":
		if k.headers == nil {
			k.headers = folded(collect(r.env.Header, strings.ToLower, firstValue))
		}
		return k.headers
	case "headers_all":
		if k.headersAll == nil {
			k.headersAll = folded(collect(r.env.Header, strings.ToLower, allValues))
		}
		return k.headersAll
	case "query":
		if k.query == nil {
			k.query = collect(r.env.Query, same, firstValue)
		}
		return k.query
	case "query_all":
		if k.queryAll == nil {
			k.queryAll = collect(r.env.Query, same, allValues)
		}
		return k.queryAll
	}
	return nil
}

func same(name string) string { return name }

func firstValue(values []string) any { return values[0] }

func allValues(values []string) any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

func collect(from map[string][]string, name func(string) string, value func([]string) any) map[string]any {
	names := make([]string, 0, len(from))
	for n := range from {
		names = append(names, n)
	}
	slices.Sort(names)
	all := make(map[string][]string, len(from))
	for _, n := range names {
		all[name(n)] = append(all[name(n)], from[n]...)
	}
	out := make(map[string]any, len(from))
	for n, values := range all {
		if len(values) > 0 {
			out[n] = value(values)
		}
	}
	return out
}

// fnHeader is the first value of a header, nil when it is missing.
func fnHeader(r *run, s *site, args []any) any {
	name := s.text(args, 0)
	r.grow(len(name))
	r.step(len(r.env.Header) / 16)
	return r.header(name)
}

func (r *run) header(name string) any {
	if value, found := firstOf(r.env.Header, textproto.CanonicalMIMEHeaderKey(name)); found {
		return value
	}
	return nil
}

func fnSkip(_ *run, s *site, args []any) any {
	panic(&Skip{Reason: s.text(args, 0)})
}

func fnType(_ *run, _ *site, args []any) any { return kindOf(args[0]) }

// scalarText writes a scalar as text: numbers in their shortest form, times as RFC 3339.
func scalarText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return string(appendFloat(nil, v)), true
	case []byte:
		return string(v), true
	case Form:
		return string(v), true
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), true
	case time.Duration:
		return v.String(), true
	}
	return "", false
}
