package faults_test

import (
	"testing"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// TestCrashPowerCut cuts the power of the disk at random moments under load: what the kernel had not written is gone.
// How long the file system takes to write by itself makes no difference.
func TestCrashPowerCut(t *testing.T) {
	rig.NeedsRoot(t)
	cycles := 3
	if rig.Long() {
		cycles = 400
	}
	for _, options := range []string{"commit=1", "commit=5", "commit=1000"} {
		t.Run(options, func(t *testing.T) {
			powerCuts(t, cycles, rig.Mount{Kind: "ext4", MiB: 256, Options: options})
		})
	}
	if rig.Long() {
		t.Run("xfs", func(t *testing.T) { powerCuts(t, cycles/2, rig.Mount{Kind: "xfs", MiB: 512}) })
	}
}

func powerCuts(t *testing.T, cycles int, m rig.Mount) {
	cut := func(s *rig.Server) func() { return rig.NewDisk(s, m).Cut }
	for _, fault := range crash(t, rig.Binary(t), plan{cycles: cycles, perSecond: 1500, late: cycles / 4, end: cut}) {
		t.Error(fault)
	}
}
