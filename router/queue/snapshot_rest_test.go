package queue_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

// TestCutSnapshotsGo: what a crash left of a snapshot in the making is removed by the next process.
func TestCutSnapshotsGo(t *testing.T) {
	r := busy(t)
	dir := filepath.Join(r.dir, "data[1") // no pattern
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	whole := snapshots(t, r.dir)[0]
	if err := os.Rename(whole, filepath.Join(dir, filepath.Base(whole))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"snapshot-00000000000000aa.tmp", "snapshot-00000000000000ab.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q, err := queue.Open(t.Context(), r.log, queue.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if q.Stats().Snapshot == 0 {
		t.Error("the whole one was not found")
	}
	for _, name := range []string{"snapshot-00000000000000aa.tmp", "snapshot-00000000000000ab.tmp"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}
