package dirs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMake(t *testing.T) {
	deep := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := Make(deep); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(deep); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	t.Chdir(filepath.Dir(deep))
	if err := Make("d"); err != nil {
		t.Errorf("a relative one: %v", err)
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Make(filepath.Join("file", "d")); err == nil {
		t.Error("a directory below a file was made")
	}
}
