package journal

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

// TestOutput: writes of any size, past the page cache or not, put the bytes where they belong, and it goes on at any
// place; what the file holds behind the end does not matter.
func TestOutput(t *testing.T) {
	for name, direct := range map[string]bool{"direct": canBypass(t.TempDir()), "buffered": false} {
		t.Run(name, func(t *testing.T) {
			l := &Log{direct: direct}
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, bytes.Repeat([]byte{'o'}, 16*block), 0o600); err != nil {
				t.Fatal(err)
			}
			var want []byte
			rnd := rand.New(rand.NewPCG(3, 4))
			for _, size := range []int{1, block - 1, 1, block, block + 1, 3*block - 2, 100, 200, 20 * block, minBuffer, 7} {
				resume(t, l, path, want)
				for range 1 + rnd.IntN(3) {
					more := bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, size)
					writeOut(t, &l.out, more)
					want = append(want, more...)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil || len(got) < len(want) || !bytes.Equal(got[:len(want)], want) {
				t.Errorf("%d bytes in the file, %d written; they differ (%v)", len(got), len(want), err)
			}
			l.out.close()
		})
	}
}

// resume goes on at the end of what was written.
func resume(t *testing.T, l *Log, path string, written []byte) {
	t.Helper()
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = src.Close() }()
	out, err := l.writer(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.out.open(out, src, int64(len(written))); err != nil {
		t.Fatal(err)
	}
}

func writeOut(t *testing.T, o *output, more []byte) {
	t.Helper()
	o.grow(int64(len(more)))
	at := o.next()
	o.buf = append(o.buf, more...)
	if err := o.write(); err != nil {
		t.Fatal(err)
	}
	o.wrote()
	if o.off != at+int64(len(more)) || o.next() != o.off {
		t.Fatalf("%d bytes at %d: the next write begins at %d", len(more), at, o.off)
	}
}

// TestTailIsWeighedWhole: room that records do not use is memory, too.
func TestTailIsWeighedWhole(t *testing.T) {
	var held tail
	for i := range 100 {
		held.add([]queue.Entry{{Pos: position(1, int64(i)*8), Record: make(queue.Record, 1, 1<<20)}})
	}
	if n := len(held.batches); n == 0 || n > tailBytes>>20 {
		t.Errorf("%d records of 1 MiB each are held", n)
	}
}
