package main

import "testing"

func TestCanServe(t *testing.T) {
	for system, want := range map[string]bool{"linux": true, "darwin": true, "windows": false} {
		if err := canServe(system); (err == nil) != want {
			t.Errorf("%s: %v", system, err)
		}
	}
}
