package bodies

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func open(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bodies")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	s, dir := open(t)
	want := map[string][]byte{"empty": {}, "one": noise(1), "step": noise(step), "more": noise(2*step + 7)}
	refs := map[string]Ref{}
	for name, body := range want {
		ref, err := s.Put(t.Context(), name, body)
		if err != nil {
			t.Fatal(err)
		}
		refs[name] = ref
	}
	if _, err := s.Put(t.Context(), "one", noise(2)); !errors.Is(err, os.ErrExist) {
		t.Errorf("a name used twice: %v", err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range want {
		if got, err := again.Get(refs[name]); err != nil || !bytes.Equal(got, body) || again.Check(refs[name]) != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	names, err := again.Names()
	if err != nil || len(names) != len(want) || s.Stalled() != 0 {
		t.Errorf("%v, %v, stalled for %v", names, err, s.Stalled())
	}
	for _, name := range append(names, "never there") {
		if err := again.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestDamageIsNeverReadAsABody: whatever happens to the file, its bytes come back as they were or not at all.
func TestDamageIsNeverReadAsABody(t *testing.T) {
	s, dir := open(t)
	body := noise(3000)
	for name, damage := range map[string]func(path string) error{
		"removed":   os.Remove,
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"cut":       func(path string) error { return os.Truncate(path, 2999) },
		"a bit":     func(path string) error { return os.WriteFile(path, append([]byte{body[0] ^ 1}, body[1:]...), 0o600) },
		"other":     func(path string) error { return os.WriteFile(path, noise(3000), 0o600) },
		"zeros":     func(path string) error { return os.WriteFile(path, make([]byte, 3000), 0o600) },
		"untouched": func(string) error { return nil },
	} {
		ref, err := s.Put(t.Context(), name, body)
		if err == nil {
			err = damage(filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ref)
		if name == "untouched" {
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrDamaged) || got != nil || !errors.Is(s.Check(ref), ErrDamaged) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := s.Get(Ref{File: "../journal/lock"}); err == nil {
		t.Error("a name led out of the directory")
	}
}

// TestNothingIsLeftOfAWriteThatFailed, nor of one whose caller gave up while it ran.
func TestNothingIsLeftOfAWriteThatFailed(t *testing.T) {
	s, dir := open(t)
	for range 10 {
		ctx, giveUp := context.WithCancel(t.Context())
		go func() {
			for s.Stalled() == 0 {
				runtime.Gosched()
			}
			giveUp()
		}()
		_, err := s.Put(ctx, "given up", make([]byte, 3*step))
		if err := s.room.Acquire(t.Context(), inHand); err != nil { // when the writer has ended
			t.Fatal(err)
		}
		s.room.Release(inHand)
		if names, _ := s.Names(); (err == nil) != (len(names) == 1) {
			t.Errorf("Put said %v, there is %v", err, names)
		}
		giveUp()
		_ = s.Remove("given up")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "failed", noise(10)); err == nil {
		t.Error("a body was written to nowhere")
	}
}
