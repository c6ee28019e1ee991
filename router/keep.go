package router

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
	"github.com/hookrouter/hookrouter/rules"
)

const (
	keptFile = "rules.yaml"
	keptAs   = "files.json" // the names of the files that the Set was made of, the main one first
	current  = "current"    // names the directory of the Set that went live last
	keptSets = 10           // older ones are removed
)

// keeper stores each Set that went live in the data directory, as written: references stay unexpanded, so no secret
// is copied. It is what a start falls back to when the rules file is bad.
type keeper struct{ dir string }

// keep stores set and makes it the current one. It is safe to interrupt at any point: a reader sees the old current
// Set or the new one.
func (k keeper) keep(set *rules.Set) error {
	dir := filepath.Join(k.dir, set.Hash())
	if err := dirs.Make(dir); err != nil {
		return err
	}
	if err := keepIncluded(dir, set.Files()); err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(dir, keptFile), set.File().Data); err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(k.dir, current), []byte(set.Hash()+"\n")); err != nil {
		return err
	}
	return k.prune(set.Hash())
}

// keepIncluded stores what the main file includes, and under which names.
func keepIncluded(dir string, files []rules.File) error {
	var names []string
	for i, f := range files {
		names = append(names, f.Name)
		if i == 0 {
			continue
		}
		if err := writeDurably(filepath.Join(dir, includedFile(i)), f.Data); err != nil {
			return err
		}
	}
	data, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, keptAs), data)
}

func includedFile(i int) string { return strconv.Itoa(i) + ".yaml" }

// kept are the files of a Set that went live.
type kept struct {
	dir   string
	files []rules.File // the main one first
}

// load gives the Set that went live last; fs.ErrNotExist when none was ever kept.
func (k keeper) load() (s kept, err error) {
	hash, err := os.ReadFile(filepath.Join(k.dir, current))
	if err != nil {
		return s, err
	}
	s.dir = filepath.Join(k.dir, filepath.Base(strings.TrimSpace(string(hash))))
	names := []string{filepath.Join(s.dir, keptFile)} // as it was kept before files could include others
	if data, err := os.ReadFile(filepath.Join(s.dir, keptAs)); err == nil {
		if err := json.Unmarshal(data, &names); err != nil {
			return s, err
		}
	}
	for i, name := range names {
		own := keptFile
		if i > 0 {
			own = includedFile(i)
		}
		data, err := os.ReadFile(filepath.Join(s.dir, own))
		if err != nil {
			return s, err
		}
		s.files = append(s.files, rules.File{Name: name, Data: data})
	}
	return s, nil
}

func (s kept) main() rules.File { return s.files[0] }

// options lets the kept files stand for those of their names; what values are taken from is read where it is now.
func (s kept) options(o rules.Options) rules.Options { return among(s.files[1:], o, reading{}.file) }

// among lets files stand for those of their names; whatever else is asked for is read otherwise.
func among(files []rules.File, o rules.Options, otherwise func(string) ([]byte, error)) rules.Options {
	o.ReadFile = func(path string) ([]byte, error) {
		for _, f := range files {
			if f.Name == path {
				return f.Data, nil
			}
		}
		return otherwise(path)
	}
	o.Glob = func(pattern string) (names []string, err error) {
		for _, f := range files {
			if fits, _ := filepath.Match(pattern, f.Name); fits {
				names = append(names, f.Name)
			}
		}
		return names, nil
	}
	return o
}

// prune removes all but the newest sets; the live one always stays.
func (k keeper) prune(live string) error {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() || e.Name() == live })
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return modified(b).Compare(modified(a)) })
	var errs []error
	for _, e := range entries[min(len(entries), keptSets-1):] {
		errs = append(errs, os.RemoveAll(filepath.Join(k.dir, e.Name())))
	}
	return errors.Join(errs...)
}
