package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/verify"
)

// suiteKeys are those of a file of tests.
var suiteKeys = keys{"suite", []row{
	{"version", anyText(), "", ""}, {"rules", anyText(), "", ""}, {"tests", listed("test"), required, ""},
}, nil}

const suiteEnd = "_test.yaml"

// RulesOf says for which rules file the tests of a file are: the one that it names under `rules`, or else the one whose
// name it has before its _test.yaml. The path begins where that of the file does. The error is Faults.
func RulesOf(file File) (path string, err error) {
	p := newParser(Options{})
	root := p.read(file)
	if root != nil {
		path = p.rulesOf(root)
	}
	if len(p.faults) > 0 {
		return "", p.sorted(p.faults)
	}
	return path, nil
}

func (p *parser) rulesOf(root *yaml.Node) string {
	file := p.pages[0].file.Name
	if n := child(root, "rules"); n != nil {
		if path, ok := p.scalar(n, "rules"); ok {
			return p.near(n, path)
		}
		return ""
	}
	stem, is := strings.CutSuffix(file, suiteEnd)
	if !is {
		p.fault(root, "it is not said for which rules file these tests are", "write `rules: rules.yaml`, or name the file rules"+suiteEnd)
		return ""
	}
	return stem + ".yaml"
}

// SuiteWith holds the tests that stand in the files of the Set, and those of files beside them; see SuiteOf.
func (s *Set) SuiteWith(files []File, o Options) (*Suite, error) {
	x, err := s.SuiteOf(files, o)
	if err == nil {
		x.tests = slices.Concat(s.tests, x.tests)
	}
	return x, err
}

// SuiteOf holds the tests of files beside those of the Set. What their events need of other files is read by o.ReadFile;
// the rest of o is not asked. The error is Faults.
func (s *Set) SuiteOf(files []File, o Options) (*Suite, error) {
	x := &Suite{set: s, covered: map[*Route]*Coverage{}}
	var faults Faults
	for _, f := range files {
		p := newParser(Options{ReadFile: o.ReadFile})
		p.beside = true
		p.set = &Set{sources: s.sources, sourceList: s.sourceList, destinations: s.destinations, destList: s.destList}
		if root := p.read(f); root != nil {
			p.suite(root)
		}
		faults = append(faults, p.sorted(p.faults)...)
		x.tests = append(x.tests, p.set.tests...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return x, nil
}

func (p *parser) suite(root *yaml.Node) {
	b, ok := p.block(root, "a file of tests", suiteKeys)
	if !ok {
		return
	}
	if n := b.get("version"); n != nil {
		p.version(root, n)
	}
	if n := b.get("tests"); n != nil {
		p.readTests([]*yaml.Node{n})
	} else {
		p.fault(root, "the file has no tests", "")
	}
}

// fromFiles reads what of an event stands in other files.
func (p *parser) fromFiles(g *given, b block) {
	body, request := b.get("body_file"), b.get("request")
	for _, n := range []*yaml.Node{body, request} {
		if n != nil && !p.beside {
			p.fault(n, "the tests in a rules file read no other files", "they run before each reload; put this one into a file of its own, named …"+suiteEnd)
			return
		}
	}
	if body != nil {
		if b.get("body") != nil {
			p.fault(body, "given has both body and body_file", "")
		}
		g.body = string(p.testFile(body, "body_file"))
	}
	if request != nil {
		for _, key := range []string{"method", "headers", "query", "body", "body_file"} {
			if n := b.get(key); n != nil {
				p.fault(n, fmt.Sprintf("given has both request and %s", key), "the request has it")
			}
		}
		g.request = p.testRequest(request)
	}
}

func (p *parser) testRequest(n *yaml.Node) *verify.Request {
	raw := p.testFile(n, "request")
	if raw == nil {
		return nil
	}
	r, err := verify.ParseRequest(raw)
	if err != nil {
		p.fault(n, fmt.Sprintf("request %q: %v", clip(n.Value), err), "it must hold one HTTP request as it went over the wire")
	}
	return r
}

func (p *parser) testFile(n *yaml.Node, what string) []byte {
	name, ok := p.scalar(n, what)
	if !ok {
		return nil
	}
	f := p.fileAt(filepath.Clean(p.near(n, name)))
	if f.err != nil {
		p.fault(n, fmt.Sprintf("%s %q: %s", what, clip(name), cause(f.err)), "")
		return nil
	}
	if int64(len(f.data)) > largestMaxBody {
		p.fault(n, fmt.Sprintf("%s %q is larger than any body may be", what, clip(name)), "")
	}
	return f.data
}
