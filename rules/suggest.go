package rules

import (
	"fmt"
	"slices"
	"strings"
)

// nearest is a hint that names the closest candidate, "" when none is close.
func nearest(word string, candidates []string) string {
	best, bestCost := "", 3
	for _, c := range candidates {
		cost := distance(strings.ToLower(word), strings.ToLower(c), bestCost)
		if cost < bestCost && cost <= (max(len(word), len(c))+1)/3 {
			best, bestCost = c, cost
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// didYouMean is nearest, or lists a few candidates when none is close.
func didYouMean(word string, candidates []string) string {
	if hint := nearest(word, candidates); hint != "" {
		return hint
	}
	if len(candidates) == 0 || len(candidates) > 16 {
		return ""
	}
	list := slices.Clone(candidates)
	slices.Sort(list)
	return "known are: " + strings.Join(list, ", ")
}

// distance counts the edits (insert, delete, replace, swap of neighbours) between two words; limit or more is limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
