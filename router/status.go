package router

import (
	"errors"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/rules"
)

// status is what operators see of the rules: which are in force, and whether the file is.
func (l *loader) status() client.Rules {
	result, live := l.result.Load(), l.live.Load()
	s := client.Rules{
		Hash: live.Hash(), File: l.file, LoadedAt: time.Unix(0, l.since.Load()).UTC(), CheckedAt: result.At, OK: result.Err == nil,
		Warnings: wireFaults(live.Warnings()),
	}
	if result.Err == nil {
		return s
	}
	s.Error = result.Err.Error()
	if result.FellBack {
		s.Error = "running on the rules that were live before the start: " + s.Error
	}
	var faults rules.Faults
	if errors.As(result.Err, &faults) {
		s.Faults = wireFaults(faults)
	}
	return s
}

func wireFaults(faults []rules.Fault) []client.Fault {
	wire := make([]client.Fault, len(faults))
	for i, f := range faults {
		wire[i] = client.Fault(f)
	}
	return wire
}
