package rules_test

import (
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

func TestHops(t *testing.T) {
	const tooMany = rules.MaxHops + 1
	for _, c := range []struct {
		values []string
		want   int
	}{
		{nil, 0}, {[]string{"0"}, 0}, {[]string{"1"}, 1}, {[]string{" 5 "}, 5}, {[]string{"6"}, 6}, {[]string{"65535"}, 65535},
		{[]string{"2", "4", "3"}, 4}, // repeated on the way: the largest counts
		{[]string{""}, tooMany}, {[]string{"x"}, tooMany}, {[]string{"-1"}, tooMany}, {[]string{"+1"}, tooMany},
		{[]string{"1, 2"}, tooMany}, {[]string{"0x1"}, tooMany}, {[]string{"1.5"}, tooMany},
		{[]string{"99999999999999999999"}, tooMany}, {[]string{"1", "x"}, tooMany},
	} {
		if got := rules.Hops(map[string][]string{"Hookrouter-Hops": c.values}); got != c.want {
			t.Errorf("%q is %d, want %d", c.values, got, c.want)
		}
	}
}
