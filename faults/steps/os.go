//go:build unix

package steps

import "os"

func wrap(f *os.File, err error) (*File, error) {
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

// Open is os.Open.
func Open(name string) (*File, error) { return wrap(os.Open(name)) }

// Create is os.Create after a step.
func Create(name string) (*File, error) { step(); return wrap(os.Create(name)) }

// CreateTemp is os.CreateTemp after a step.
func CreateTemp(dir, pattern string) (*File, error) { step(); return wrap(os.CreateTemp(dir, pattern)) }

// OpenFile is os.OpenFile; it is a step when the file may be made or emptied.
func OpenFile(name string, flag int, mode os.FileMode) (*File, error) {
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		step()
	}
	return wrap(os.OpenFile(name, flag, mode))
}

// WriteFile is os.WriteFile after a step.
func WriteFile(name string, data []byte, mode os.FileMode) error {
	step()
	return os.WriteFile(name, data, mode)
}

// Mkdir is os.Mkdir after a step.
func Mkdir(name string, mode os.FileMode) error { step(); return os.Mkdir(name, mode) }

// MkdirAll is os.MkdirAll after a step.
func MkdirAll(name string, mode os.FileMode) error { step(); return os.MkdirAll(name, mode) }

// Rename is os.Rename after a step.
func Rename(from, to string) error { step(); return os.Rename(from, to) }

// Link is os.Link after a step.
func Link(from, to string) error { step(); return os.Link(from, to) }

// Remove is os.Remove after a step.
func Remove(name string) error { step(); return os.Remove(name) }

// RemoveAll is os.RemoveAll after a step.
func RemoveAll(name string) error { step(); return os.RemoveAll(name) }

// Truncate is os.Truncate after a step.
func Truncate(name string, size int64) error { step(); return os.Truncate(name, size) }

// File is an os.File whose writes and syncs are steps.
type File struct{ *os.File }

// Write is a step.
func (f *File) Write(b []byte) (int, error) { step(); return f.File.Write(b) }

// WriteAt is a step.
func (f *File) WriteAt(b []byte, off int64) (int, error) { step(); return f.File.WriteAt(b, off) }

// WriteString is a step.
func (f *File) WriteString(s string) (int, error) { step(); return f.File.WriteString(s) }

// Truncate is a step.
func (f *File) Truncate(size int64) error { step(); return f.File.Truncate(size) }

// Sync is a step.
func (f *File) Sync() error { step(); return f.File.Sync() }

// Fd is a step: whoever asks for it goes on to sync, to lock or to take room.
func (f *File) Fd() uintptr { step(); return f.File.Fd() }
