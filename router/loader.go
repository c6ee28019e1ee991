package router

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookrouter/hookrouter/rules"
)

// stdin is the name of the rules file that means standard input: read once, never watched.
const stdin = "-"

// loader owns the rules in force: it reads the file, has it parsed and tested, swaps the Set in, and remembers how
// that went. Everything that can fail happens before the swap. Safe for concurrent use.
type loader struct {
	file    string
	options rules.Options
	kept    keeper
	log     *slog.Logger
	metrics *reloadMetrics
	onLive  func() // called after each swap, one at a time; nil until everything is wired

	live   atomic.Pointer[rules.Set]
	since  atomic.Int64 // when live went live, in unix nanoseconds
	result atomic.Pointer[LoadResult]
	toKeep chan *rules.Set // what went live and is not in the data directory yet, the newest only

	mu   sync.Mutex // one load at a time
	seen reading    // what the last load read
}

// LoadResult is how the last load of the rules file went.
type LoadResult struct {
	At       time.Time
	Err      error  // nil when what was read is live; rules.Faults when the file has faults
	FellBack bool   // the rules in force are the last good ones, kept from an earlier run
	Hash     string // of the Set in force after this load
}

// start loads the rules for the first time. When the file is bad, the Set that went live last takes its place unless
// strict; with none, the error names both.
func (l *loader) start(strict bool) error {
	if l.file != stdin && mountedAlone(l.file) {
		l.log.Warn("the rules file is a mount of its own: changes by another file of its name are not seen; mount its directory", "file", l.file)
	}
	err := l.reload()
	if err == nil || strict {
		return err
	}
	files, keptErr := l.kept.load()
	if errors.Is(keptErr, fs.ErrNotExist) {
		return fmt.Errorf("%w\nand no earlier rules are kept in %s", err, l.kept.dir)
	}
	if keptErr != nil {
		return fmt.Errorf("%w\nand the rules kept in %s: %w", err, l.kept.dir, keptErr)
	}
	set, keptErr := rules.Parse(files.main(), files.options(l.options))
	if keptErr != nil {
		return fmt.Errorf("%w\nand the last good rules, kept in %s: %w", err, files.dir, keptErr)
	}
	l.swap(set, LoadResult{Err: err, FellBack: true})
	l.log.Error("the rules file is bad: running on the rules that were live last", "kept", files.dir, "err", err)
	return nil
}

// reload reads the file now and makes it live, or keeps what is live and returns why.
func (l *loader) reload() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apply(read([]string{l.file}))
}

// apply makes r live: parse, test, swap. Files that r lacks are read on the way and belong to it from then on.
// The caller holds mu.
func (l *loader) apply(r reading) error {
	set, err := l.parse(r)
	return l.take(r, set, err)
}

// take makes live what was parsed of r, or notes why it does not go live. The caller holds mu.
func (l *loader) take(r reading, set *rules.Set, err error) error {
	l.seen = r
	if err != nil {
		l.refuse(err)
		return err
	}
	l.swap(set, LoadResult{})
	select {
	case <-l.toKeep: // an older one that nobody kept yet
	default:
	}
	l.toKeep <- set
	return nil
}

func (l *loader) parse(r reading) (*rules.Set, error) {
	var data []byte
	var err error
	if l.file == stdin {
		data, err = io.ReadAll(io.LimitReader(os.Stdin, maxFile+1))
	} else {
		data, err = r.file(l.file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.file, err)
	}
	options := l.options
	options.ReadFile, options.Glob = r.file, r.glob
	set, err := rules.Parse(rules.File{Name: l.file, Data: data}, options)
	if err != nil {
		return nil, err
	}
	return set, testFailures(set)
}

// draft parses rules that a client sent, with what they include: to be tried on paper, never to go live. They see the
// environment that the server's own rules see, but no file of this machine.
func (l *loader) draft(files []rules.File) (*rules.Set, error) {
	o := among(files[1:], l.options, func(string) ([]byte, error) { return nil, errors.New("no file of the server is read for others") })
	o.Paper = true
	return rules.Parse(files[0], o)
}

// testFailures runs the tests that the file holds: a Set that fails one never goes live.
func testFailures(set *rules.Set) error {
	var faults rules.Faults
	for _, r := range set.Test(nil) {
		if !r.Passed {
			message := fmt.Sprintf("test %q: %s", r.Name, strings.Join(r.Diffs, "; "))
			faults = append(faults, rules.Fault{File: r.File, Line: r.Line, Message: message})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// swap makes set the one in force. It cannot fail and writes nothing.
func (l *loader) swap(set *rules.Set, result LoadResult) {
	old := l.live.Swap(set)
	result.At, result.Hash = time.Now(), set.Hash()
	l.since.Store(result.At.UnixNano())
	l.result.Store(&result)
	l.metrics.loaded(result)
	l.metrics.unverified.Set(float64(unverified(set)))
	if l.onLive != nil {
		l.onLive()
	}
	for _, w := range set.Warnings() {
		l.log.Warn("rules", "warning", w.String())
	}
	for _, name := range unguarded(old, set) {
		l.log.Warn("source takes requests without proof, which the rules before asked for", "source", name)
	}
	if old == nil || old.Hash() != set.Hash() {
		l.log.Info("rules are live", "file", l.file, "hash", set.Hash(), "sources", len(set.Sources()),
			"routes", len(set.Routes()), "destinations", len(set.Destinations()))
	}
}

// unguarded are the sources that were verified by the rules before and are not any more.
func unguarded(old, set *rules.Set) (names []string) {
	if old == nil {
		return nil
	}
	for _, s := range set.Sources() {
		if before, ok := old.Source(s.Name); ok && s.Unverified && !before.Unverified {
			names = append(names, s.Name)
		}
	}
	return names
}

func unverified(set *rules.Set) (n int) {
	for _, s := range set.Sources() {
		if s.Unverified {
			n++
		}
	}
	return n
}

// refuse notes that the file did not go live and the old rules stay.
func (l *loader) refuse(err error) {
	result := LoadResult{At: time.Now(), Err: err}
	if set := l.live.Load(); set != nil {
		result.Hash = set.Hash()
		l.log.Error("rules not loaded, the old ones stay", "file", l.file, "err", err)
	}
	l.result.Store(&result)
	l.metrics.loaded(result)
}

// keepLive writes the newest live Set to the data directory; failing is a warning, for it only matters at a start
// with a bad file.
func (l *loader) keepLive(set *rules.Set) {
	if err := l.kept.keep(set); err != nil {
		l.metrics.keepFailures.Inc()
		l.log.Warn("live rules not kept for a start with a bad file", "dir", l.kept.dir, "err", err)
	}
}

// directories lists where a change of what was read would show: the directory of every file, and of everything that
// its name leads to over symbolic links (a ConfigMap swaps a link beside the file, never the file).
func (r reading) directories() []string {
	var dirs []string
	for name := range r {
		if pattern, is := strings.CutSuffix(name, patternMark); is {
			found, _ := filepath.Glob(filepath.Dir(pattern))
			dirs = append(dirs, found...)
			continue
		}
		for range 10 { // links to links; a loop ends here
			dirs = append(dirs, filepath.Dir(name))
			target, err := os.Readlink(name)
			if err != nil {
				break
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(name), target)
			}
			name = target
		}
		if real, err := filepath.EvalSymlinks(name); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	return dirs
}
