package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

// File is a rules file: Name as people know it (used in faults), Data as it was read.
type File struct {
	Name string
	Data []byte
}

// Options is what Parse may know about the world.
type Options struct {
	// Env looks up `${VAR}`; nil knows none.
	Env func(string) (string, bool)
	// ReadFile reads `${file:/path}` and files of `include:`; nil refuses all. What it returns is only read.
	ReadFile func(string) ([]byte, error)
	// Glob lists the files that fit a pattern of `include:`, as filepath.Glob; nil refuses all.
	Glob func(string) ([]string, error)
	// PublicLoopback says that senders can only come from this machine, so that example secrets are warnings only.
	PublicLoopback bool
	// Fetch gets public keys that senders publish; nil: sources that need some are not served.
	Fetch verify.Fetcher
	// Lint asks for further warnings; nil: only for those that concern safety.
	Lint *Lint
	// Paper lets references stand that have no value here: the Set can say what it would do with events, on paper, but
	// proves nothing. What such a reference stands for is empty, and is shown as *** like all others.
	Paper bool
	// AllowUnverified lets `verify: none` stand when the listener is not loopback.
	AllowUnverified bool
}

// Parse turns a file into a Set. The error is Faults: all that is wrong, at once. It never panics, and touches nothing
// but what o gives it.
func Parse(file File, o Options) (*Set, error) {
	p := newParser(o)
	set := p.parse(file)
	if len(p.faults) > 0 {
		return nil, p.sorted(p.faults)
	}
	set.warnings = p.sorted(p.warnings)
	return set, nil
}

func newParser(o Options) *parser {
	return &parser{
		o: o, files: map[string]readFile{}, programs: map[compiled]*lang.Program{}, compiler: lang.NewCompiler(),
		blanked: map[int]bool{}, hidden: map[string]bool{}, declared: map[string]stands{}, unset: map[*yaml.Node]bool{},
		trees: map[*lang.Program]*lang.Tree{},
	}
}

// maxFaults bounds the report on a file that is wrong all over.
const maxFaults = 1000

// parser collects what is wrong while it builds a Set. A method that found a fault returns a harmless zero value, so
// that the rest of the file is looked at too.
type parser struct {
	roots       []*yaml.Node // of all pages
	pages       []*page
	o           Options
	lines       []string     // of all pages
	total       int          // size of all pages, in bytes
	blanked     map[int]bool // lines whose value the line scan has already refused
	files       map[string]readFile
	faults      Faults
	warnings    Faults
	set         *Set
	trees       map[*lang.Program]*lang.Tree // of what the lint has looked at
	declared    map[string]stands            // by kind and name
	publicHosts []string                     // of public_url
	presets     map[string]*preset
	secrets     map[string]string // secret to the source that used it last
	programs    map[compiled]*lang.Program
	compiler    *lang.Compiler
	hidden      map[string]bool     // values that no fault may show
	beside      bool                // a file of tests is read, not one of rules
	unset       map[*yaml.Node]bool // scalars with a reference that has no value, on paper
	unsetNames  []string
}

func (p *parser) parse(file File) *Set {
	root := p.read(file)
	if root == nil {
		return nil
	}
	included, ok := p.include(root)
	if !ok {
		return nil
	}
	p.roots = append([]*yaml.Node{root}, included...)
	p.top(p.roots)
	for _, x := range p.pages {
		p.set.files = append(p.set.files, x.file)
	}
	p.set.hash = p.hash()
	p.set.watched = p.watched()
	p.set.unset = slices.Compact(slices.Sorted(slices.Values(p.unsetNames)))
	return p.set
}

// top reads all files. Sections are read in the order in which they need one another.
func (p *parser) top(roots []*yaml.Node) {
	p.set = &Set{
		sources: map[string]*Source{}, byPath: map[string]*Source{},
		destinations: map[string]*Destination{}, routes: map[string]*Route{},
	}
	all, ok := p.sections(roots)
	if !ok {
		return
	}
	p.readPresets(all["presets"])
	p.readSources(all["sources"])
	p.readDestinations(all["destinations"], p.readDefaults(first(all["defaults"])))
	p.readRoutes(all["routes"])
	p.link()
	p.set.retention = p.readRetention(first(all["retention"]))
	p.set.alerts = p.readAlerts(first(all["alerts"]))
	p.readTests(all["tests"])
	p.lint()
	p.release()
}

func (p *parser) version(root, n *yaml.Node) {
	switch {
	case n == nil:
		p.fault(root, "`version: 1` is missing", "write it at the top")
	case n.Kind != yaml.ScalarNode || n.Value != "1":
		p.fault(n, "version must be 1", "write `version: 1`")
	}
}

// hash covers the file, the files it includes and those it takes values from.
func (p *parser) hash() string {
	h := sha256.New()
	_, _ = h.Write(p.pages[0].file.Data) // a hash never fails
	for _, path := range p.watched() {
		_, _ = fmt.Fprintf(h, "\x00%s\x00%x", path, sha256.Sum256(p.files[path].data))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (p *parser) watched() []string {
	var paths []string
	for path := range p.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// fault notes what is wrong at a node. An alias was reported as such, whatever it stands for; of a value that is not
// known, on paper, nobody knows what is wrong with it.
func (p *parser) fault(n *yaml.Node, message, hint string) {
	if n.Kind != yaml.AliasNode && !p.unset[n] {
		p.faultAt(n.Line, n.Column, message, hint)
	}
}

func (p *parser) faultAt(line, col int, message, hint string) {
	p.faults = append(p.faults, p.newFault(line, col, message, hint))
}

func (p *parser) warn(n *yaml.Node, c code, message, hint string) {
	p.warnAt(n.Line, n.Column, c, message, hint)
}

func (p *parser) warnAt(line, col int, c code, message, hint string) {
	if p.allows(line, c) {
		return
	}
	w := p.newFault(line, col, message, hint)
	w.Code = string(c)
	p.warnings = append(p.warnings, w)
}

func (p *parser) newFault(line, col int, message, hint string) Fault {
	if line <= 0 {
		return Fault{File: p.current().file.Name, Message: message, Hint: hint}
	}
	x := p.pageOf(line)
	f := Fault{File: x.file.Name, Line: line - x.first, Col: col, Message: message, Hint: hint}
	if line <= len(p.lines) {
		f.Source = p.lines[line-1]
	}
	return f
}

// sorted orders faults by place, drops repeated ones and bounds their number.
func (p *parser) sorted(fs Faults) Faults {
	order := map[string]int{}
	for i, x := range p.pages {
		order[x.file.Name] = i
	}
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	fs = slices.Compact(fs)
	for i := range fs {
		fs[i] = p.masked(fs[i])
	}
	if len(fs) > maxFaults {
		more := Fault{File: p.pages[0].file.Name, Message: fmt.Sprintf("%d more faults", len(fs)-maxFaults)}
		fs = append(fs[:maxFaults:maxFaults], more)
	}
	return fs
}
