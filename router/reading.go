package router

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile bounds every file that the rules are made of, in bytes; one more is read so that the parser sees the excess.
const maxFile = 16 << 20

// content is what a file held when it was read, or why it could not be read.
type content struct {
	data []byte
	err  error
}

// reading is one look at the rules file and at every file it names. Two equal readings some time apart mean that
// nobody is in the middle of writing. What fits a pattern stands under the pattern and patternMark.
type reading map[string]content

const patternMark = "\x00" // no file has it in its name

// read looks at all of names now.
func read(names []string) reading {
	r := reading{}
	for _, name := range names {
		if pattern, is := strings.CutSuffix(name, patternMark); is {
			_, _ = r.glob(pattern)
		} else {
			_, _ = r.file(name) // its error is part of the reading
		}
	}
	return r
}

// glob lists the files that fit a pattern, and reads them: they belong to the reading as soon as they are there.
func (r reading) glob(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	for _, name := range names {
		_, _ = r.file(name)
	}
	r[pattern+patternMark] = content{[]byte(strings.Join(names, "\n")), err}
	return names, err
}

// file gives the content of name, read now unless this reading has it already.
func (r reading) file(name string) ([]byte, error) {
	c, ok := r[name]
	if !ok {
		c.data, c.err = readRegular(name)
		r[name] = c
	}
	return c.data, c.err
}

// names lists what was read, sorted.
func (r reading) names() []string { return slices.Sorted(maps.Keys(r)) }

func (r reading) equal(other reading) bool {
	return maps.EqualFunc(r, other, func(a, b content) bool {
		return bytes.Equal(a.data, b.data) && (a.err == nil) == (b.err == nil)
	})
}

// readRegular reads a file, and refuses what is none: a pipe or a device would block or never end.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, plain(err)
	}
	return data, nil
}

// plain drops the operation and the path, which the caller names: `stat /x: no such file` becomes `no such file`.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%w", pe.Err)
	}
	return err
}
