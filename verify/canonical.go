package verify

import (
	"maps"
	"slices"
)

// canonicals are what senders make of a request by rules of their own, to sign it: each is a small file of its name.
func canonicals() map[string]func(s *scene) (string, error) {
	return map[string]func(s *scene) (string, error){
		"contentful": contentfulRequest,
		"paddle":     paddleFields,
		"qsh":        atlassianQuery,
		"sns":        snsLines,
		"sorted":     sortedForm,
		"twilio":     twilioRequest,
		"twilio80":   twilioPort,
		"twilio0":    twilioBare,
	}
}

func canonicalNames() []string { return slices.Sorted(maps.Keys(canonicals())) }

// preparers add to an unsigned request what its sender's canonical form needs; most need nothing.
func preparers() map[string]func(r *Request) {
	return map[string]func(r *Request){"contentful": contentfulPrepare}
}
