package faults_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// TestPlanted runs each row's test against each bug that it is to find: built into the test binary where the test is in
// the package, and into the command where it starts processes. It takes long, so it wants -planted.
func TestPlanted(t *testing.T) {
	if !*planted {
		t.Log("nothing is planted without -planted; TestRows has looked whether each bug has its place")
		return
	}
	for _, a := range readAreas(t) {
		for _, r := range a.Rows {
			for _, m := range r.Planted {
				t.Run(r.ID+"/"+m.What, func(t *testing.T) { mustFail(t, r, m) })
			}
		}
	}
}

// mustFail runs the test with the bug in the code. A bug that does not compile is found by nobody.
func mustFail(t *testing.T, r row, m mistake) {
	overlay := rig.Overlay(t, filepath.Join(t.TempDir(), "planted"), m.Bugs...)
	pattern := "^(" + r.Test + ")$"
	cmd := exec.Command("go", "test", "-count=1", "-overlay", overlay, "-run", pattern, r.Package)
	cmd.Dir = rig.Root(t)
	cmd.Env = append(os.Environ(), rig.OverlayVariable+"="+overlay)
	if r.Long || m.Long {
		cmd.Env = append(cmd.Env, "HOOKROUTER_LONG=1")
		cmd.Args = append(cmd.Args, "-timeout", "60m")
	}
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case err == nil:
		t.Errorf("the test passes all the same:\n%s", text)
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]") || strings.Contains(text, "build with"):
		t.Errorf("the bug does not compile:\n%s", text)
	case !strings.Contains(text, "--- FAIL") && !strings.Contains(text, "panic:"):
		t.Errorf("the test did not run: %v\n%s", err, text)
	}
}
