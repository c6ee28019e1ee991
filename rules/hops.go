package rules

import (
	"strconv"
	"strings"
)

// MaxHops is how many hookrouters an event may come through; one more is a loop.
const MaxHops = 5

const hopsName = "Hookrouter-Hops"

// Hops is how many hookrouters a request came through, as its headers say: 0 from any other sender. What cannot be
// read is more than MaxHops, since something on the way that garbles the count would keep a loop alive.
func Hops(header map[string][]string) int {
	most := 0
	for _, value := range header[hopsName] {
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16)
		if err != nil {
			return MaxHops + 1
		}
		most = max(most, int(n))
	}
	return most
}
