package lang

import (
	"strconv"
	"time"
)

func kindOfTime(v any) string {
	switch v.(type) {
	case time.Time:
		return "time"
	case time.Duration:
		return "duration"
	}
	return "other"
}

// layouts are what date() understands without being told.
var layouts = [...]string{
	time.RFC3339Nano, time.DateOnly, time.DateTime, "2006-01-02T15:04:05", time.RFC1123, time.RFC1123Z, time.RFC850, time.RFC822,
}

// fnDate reads a time. Without a zone in the text it is UTC, never the zone of the machine.
func fnDate(_ *run, s *site, args []any) any {
	text := s.short(args, 0)
	if len(args) == 2 {
		t, err := time.ParseInLocation(s.short(args, 1), text, time.UTC)
		if err != nil {
			s.failAt(0, "is no time in the layout %s", strconv.Quote(s.text(args, 1)))
		}
		return s.utc(t)
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return s.utc(t)
		}
	}
	s.failAt(0, "is no time; date(text, layout) reads other forms")
	return nil
}

// short is a text that can be a time, a duration or a layout.
func (s *site) short(args []any, i int) string {
	text := s.text(args, i)
	if len(text) > 100 {
		s.failAt(i, "is longer than 100 bytes, %s takes a short text", s.what)
	}
	return text
}

// utc refuses a zone that is only named: which offset is meant by PST or IST would be a guess.
func (s *site) utc(t time.Time) time.Time {
	switch zone, offset := t.Zone(); {
	case offset != 0, zone == "UTC", zone == "GMT", zone == "":
		return t.UTC()
	default:
		s.failAt(0, "has the zone %s, write its offset as in +02:00", zone)
	}
	return t
}

func fnDuration(_ *run, s *site, args []any) any {
	d, err := time.ParseDuration(s.short(args, 0))
	if err != nil {
		s.failAt(0, `is no duration, as "1h30m" is`)
	}
	return d
}

// methods are what may be called on a time or duration; nothing else has methods.
func method(name string) (spec, bool) {
	switch name {
	case "Unix":
		return ofTime(func(t time.Time) any { return int(t.Unix()) }), true
	case "UnixMilli":
		return ofTime(func(t time.Time) any { return int(t.UnixMilli()) }), true
	case "Year":
		return ofTime(func(t time.Time) any { return t.Year() }), true
	case "Month":
		return ofTime(func(t time.Time) any { return int(t.Month()) }), true
	case "Day":
		return ofTime(func(t time.Time) any { return t.Day() }), true
	case "Hour":
		return ofTime(func(t time.Time) any { return t.Hour() }), true
	case "Minute":
		return ofTime(func(t time.Time) any { return t.Minute() }), true
	case "Second":
		return ofTime(func(t time.Time) any { return t.Second() }), true
	case "Weekday":
		return ofTime(func(t time.Time) any { return t.Weekday().String() }), true
	case "Seconds":
		return spec{min: 1, max: 1, run: func(_ *run, s *site, args []any) any {
			d, is := args[0].(time.Duration)
			if !is {
				s.wrong(0, args[0], "a duration")
			}
			return d.Seconds()
		}}, true
	case "Format":
		return spec{min: 2, max: 2, run: fnFormat}, true
	}
	return spec{}, false
}

func ofTime(get func(time.Time) any) spec {
	return spec{min: 1, max: 1, run: func(_ *run, s *site, args []any) any {
		t, is := args[0].(time.Time)
		if !is {
			s.wrong(0, args[0], "a time")
		}
		return get(t)
	}}
}

func fnFormat(r *run, s *site, args []any) any {
	t, is := args[0].(time.Time)
	if !is {
		s.wrong(0, args[0], "a time")
	}
	layout := s.text(args, 1)
	r.grow(8 * len(layout))
	return t.Format(layout)
}

func methodNames() []string {
	return []string{"Unix", "UnixMilli", "Year", "Month", "Day", "Hour", "Minute", "Second", "Weekday", "Seconds", "Format"}
}
