package router

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookrouter/hookrouter/rules"
)

const (
	keptFile = "rules.yaml"
	current  = "current" // names the directory of the Set that went live last
	keptSets = 10        // older ones are removed
)

// keeper stores each Set that went live in the data directory, as written: references stay unexpanded, so no secret
// is copied. It is what a start falls back to when the rules file is bad.
type keeper struct{ dir string }

// keep stores set and makes it the current one. It is safe to interrupt at any point: a reader sees the old current
// Set or the new one.
func (k keeper) keep(set *rules.Set) error {
	dir := filepath.Join(k.dir, set.Hash())
	if err := os.MkdirAll(dir, 0o700); err != nil {
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

// load gives the file of the Set that went live last; fs.ErrNotExist when none was ever kept.
func (k keeper) load() (rules.File, error) {
	hash, err := os.ReadFile(filepath.Join(k.dir, current))
	if err != nil {
		return rules.File{}, err
	}
	name := filepath.Join(k.dir, filepath.Base(strings.TrimSpace(string(hash))), keptFile)
	data, err := os.ReadFile(name)
	return rules.File{Name: name, Data: data}, err
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
