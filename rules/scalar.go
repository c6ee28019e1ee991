package rules

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// scalar gives the text of a scalar exactly as it is written: `no`, `0123` and `1.10` stay what they are.
func (p *parser) scalar(n *yaml.Node, what string) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		p.fault(n, fmt.Sprintf("%s must be text, not %s", what, kindOf(n)), "write one value; quote it when it has signs of YAML in it")
	case n.Style&yaml.TaggedStyle != 0:
		p.fault(n, fmt.Sprintf("%s has a tag, which is not supported", what), "quote the text")
	case isNull(n):
		p.fault(n, what+" is empty", "give it a value, or leave the key out")
	default:
		return n.Value, true
	}
	return "", false
}

// value gives the text of a scalar with references filled in. Messages must quote n.Value, never what this returns.
func (p *parser) value(n *yaml.Node, what string) (string, bool) {
	t, ok := p.text(n, what, false)
	if !ok {
		return "", false
	}
	return t.plain(), true
}

// word gives a scalar that must be one of a few, "" after a fault.
func (p *parser) word(n *yaml.Node, what string, known ...string) string {
	s, ok := p.value(n, what)
	if ok && !slices.Contains(known, s) {
		p.fault(n, fmt.Sprintf("%s must be one of %s, not %q", what, strings.Join(known, ", "), clip(n.Value)), cmp.Or(nearest(n.Value, known), "choose one of them"))
		return ""
	}
	return s
}

func (p *parser) boolean(n *yaml.Node, what string) bool {
	return p.word(n, what, "true", "false") == "true"
}

// list gives the elements of a list, or the scalar itself as the only one.
func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		p.fault(n, what+" is empty", "give it a value, or leave the key out")
	case n.Kind == yaml.SequenceNode:
		return n.Content
	case n.Kind == yaml.ScalarNode && !isNull(n):
		return []*yaml.Node{n}
	case n.Kind == yaml.ScalarNode:
		p.fault(n, what+" is empty", "give it a value, or leave the key out")
	default:
		p.fault(n, fmt.Sprintf("%s must be text or a list, not %s", what, kindOf(n)), "write one value, or several within [ ]")
	}
	return nil
}

func (p *parser) integer(n *yaml.Node, what string, low, high int) (int, bool) {
	s, ok := p.value(n, what)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < low || i > high {
		hint := "write it without unit and without a point"
		if err == nil {
			hint = "write one between the two"
		}
		p.fault(n, fmt.Sprintf("%s must be a whole number from %d to %d, not %q", what, low, high, clip(n.Value)), hint)
		return 0, false
	}
	return i, true
}

// duration reads one from 1ms to most.
func (p *parser) duration(n *yaml.Node, what string, most time.Duration) (time.Duration, bool) {
	s, ok := p.value(n, what)
	if !ok {
		return 0, false
	}
	d, ok := parseDuration(s)
	if !ok {
		p.fault(n, fmt.Sprintf("%s %q is not a duration", what, clip(n.Value)), "write 500ms, 10s, 5m, 24h, 30d or 1h30m")
		return 0, false
	}
	if d < time.Millisecond || d > most {
		p.fault(n, fmt.Sprintf("%s must be from 1ms to %s, not %q", what, spell(most), clip(n.Value)), "write one between the two, such as "+spell(min(most, 10*time.Second)))
		return 0, false
	}
	return d, true
}

const day = 24 * time.Hour

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day,
}

var durationPart = regexp.MustCompile(`^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)`)

// parseDuration reads numbers with units in any order of size: 1h30m, 1.5s, 30d. A bare 0 has no unit and is refused.
func parseDuration(s string) (total time.Duration, ok bool) {
	for s != "" {
		m := durationPart.FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		f, _ := strconv.ParseFloat(m[1], 64) // cannot fail: the pattern is a number
		part := f * float64(units[m[2]])
		if part > math.MaxInt64/4 || total > math.MaxInt64/4 {
			return 0, false
		}
		total += time.Duration(math.Round(part))
		s, ok = s[len(m[0]):], true
	}
	return total, ok
}

// spell writes a duration as the file would.
func spell(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= u.size && d%u.size == 0 {
			return fmt.Sprintf("%d%s", d/u.size, u.name)
		}
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

var sizePattern = regexp.MustCompile(`^(\d{1,12})(B|KiB|MiB|GiB)$`)

// parseSize reads 512KiB and the like.
func parseSize(s string) (int64, bool) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // cannot fail: at most 12 digits
	shift := map[string]uint{"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]]
	if n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

var ratioPattern = regexp.MustCompile(`^(0\.\d{1,9}|1(\.0{1,9})?)$`)

// ratio reads 0.5 and the like; a fault leaves it at 1.
func (p *parser) ratio(n *yaml.Node, what string) float64 {
	s, ok := p.value(n, what)
	f, _ := strconv.ParseFloat(s, 64)
	if ok && (f <= 0 || !ratioPattern.MatchString(s)) {
		p.fault(n, fmt.Sprintf("%s must be above 0 and at most 1, such as 0.5, not %q", what, clip(n.Value)), "0.5 is one in two")
	}
	if f <= 0 {
		return 1
	}
	return f
}

// spellSize writes a size as the file would.
func spellSize(n int64) string {
	unit := 0
	for ; unit < 3 && n > 0 && n%1024 == 0; unit++ {
		n /= 1024
	}
	return fmt.Sprintf("%d%s", n, []string{"B", "KiB", "MiB", "GiB"}[unit])
}

var ratePattern = regexp.MustCompile(`^(\d{1,9}(?:\.\d{1,9})?)/(s|m|h)$`)

// rate reads 50/s, 10/m or 100/h as a number per second; burst is the number as it is written, rounded up.
func (p *parser) rate(n *yaml.Node, what string) (perSecond float64, burst int) {
	s, ok := p.value(n, what)
	if !ok {
		return 0, 0
	}
	m := ratePattern.FindStringSubmatch(s)
	if m == nil {
		p.fault(n, fmt.Sprintf("%s %q is not a rate", what, clip(n.Value)), "write 50/s, 10/m or 100/h")
		return 0, 0
	}
	f, _ := strconv.ParseFloat(m[1], 64) // cannot fail: the pattern is a number
	burst = int(math.Ceil(f))
	if f /= units[m[2]].Seconds(); f <= 0 || f > 1e6 {
		p.fault(n, fmt.Sprintf("%s must be above 0 and at most 1000000/s, not %q", what, clip(n.Value)), "leave it out for no bound")
		return 0, 0
	}
	return f, burst
}
