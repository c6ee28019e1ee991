// Package dirs makes directories, and the names in them, outlive a power cut.
package dirs

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Make makes dir and what is missing above it, for this user alone, and returns when their names are durable. It is no
// error when dir is there; its name is then made durable if that is possible: who made it may have been killed since.
func Make(dir string) error {
	above := filepath.Dir(dir)
	if _, err := os.Stat(dir); err == nil {
		_ = Sync(above) // which may be read-only, or not ours to read
		return nil
	}
	if above != dir {
		if err := Make(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return Sync(above)
}

// Sync makes the names in dir durable. It does nothing on Windows, where they are durable with their files.
func Sync(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
