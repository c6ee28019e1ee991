//go:build !race

package journal

// underRace: the race detector watches.
const underRace = false
