package journal

import (
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

const testSegment = 256 << 10

func openTest(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir, Options{SegmentSize: testSegment})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T, dir string) queue.Log { return openTest(t, dir) })
}
