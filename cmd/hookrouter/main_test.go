package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// TestMain lets the scripts run the command inside the test binary.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"hookrouter": main})
}

// tests run with one folder for the binaries that they build.
type tests struct{ *testing.M }

func (m tests) Run() int { return rig.Main(m.M) }

// TestCommands runs each command as its user types it: what it prints, and its exit code.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
