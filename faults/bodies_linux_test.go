package faults_test

import (
	"testing"

	"github.com/hookrouter/hookrouter/faults/rig"
)

const largePad = 3 << 20 // two in three bodies are too large for the log

// TestCrashLargeBodies kills the server at random moments while large bodies are sent.
func TestCrashLargeBodies(t *testing.T) {
	cycles := 8
	if rig.Long() {
		cycles = 200
	}
	for _, fault := range crash(t, rig.Binary(t), plan{cycles: cycles, perSecond: 60, pad: largePad, late: cycles / 2}) {
		t.Error(fault)
	}
}

// TestCrashPowerCutLargeBodies cuts the power while large bodies are sent: neither a file nor its name may be missing.
func TestCrashPowerCutLargeBodies(t *testing.T) {
	rig.NeedsRoot(t)
	cycles := 4
	if rig.Long() {
		cycles = 200
	}
	cut := func(s *rig.Server) func() {
		return rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 1024, Options: "commit=1000"}).Cut
	}
	for _, fault := range crash(t, rig.Binary(t), plan{cycles: cycles, perSecond: 60, pad: largePad, late: cycles, end: cut}) {
		t.Error(fault)
	}
}
