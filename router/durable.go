package router

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// writeDurably replaces name by data so that after a power cut either the old or the new content is there, whole. One
// writer at a time: what a crash left in the making is written over by the next.
func writeDurably(name string, data []byte) error {
	making := name + ".new"
	f, err := os.OpenFile(making, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(making, name)
	}
	if err != nil {
		_ = os.Remove(making)
		return err
	}
	return dirs.Sync(filepath.Dir(name))
}

// modified is the entry's time of change; zero when it is gone.
func modified(e fs.DirEntry) time.Time {
	info, err := e.Info()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
