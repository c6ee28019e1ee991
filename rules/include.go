package rules

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// page is one file of the rules. The lines of all pages are counted on in p.lines, so that a line number says the page.
type page struct {
	file  File
	first int // lines of the pages before it
}

// read takes in a file: its lines, and its tree with line numbers that count on. nil means that it cannot be parsed.
func (p *parser) read(f File) *yaml.Node {
	p.pages = append(p.pages, &page{f, len(p.lines)})
	text, ok := p.load(f)
	if !ok {
		return nil
	}
	return p.tree(p.scanExpressions(text))
}

// current is the page that is being read.
func (p *parser) current() *page { return p.pages[len(p.pages)-1] }

// pageOf is the page of a line, the main one when there is no line.
func (p *parser) pageOf(line int) *page {
	for _, x := range slices.Backward(p.pages) {
		if line > x.first {
			return x
		}
	}
	return p.pages[0]
}

// where names the place of n for a message about what stands at from.
func (p *parser) where(n, from *yaml.Node) string {
	x := p.pageOf(n.Line)
	if x == p.pageOf(from.Line) {
		return fmt.Sprintf("line %d", n.Line-x.first)
	}
	return fmt.Sprintf("%s:%d", x.file.Name, n.Line-x.first)
}

// shift counts the lines of a tree on from the pages before.
func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, c := range n.Content {
		shift(c, lines)
	}
}

// near gives a path that is written at a node: a relative one begins in the directory of the file it stands in.
func (p *parser) near(n *yaml.Node, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(p.pageOf(n.Line).file.Name), path)
}

// maxIncluded bounds the files of one Set.
const maxIncluded = 1000

// include reads the files that the main one names, which may not include others. It is false when one cannot be read:
// then nobody knows which names it declares.
func (p *parser) include(root *yaml.Node) (roots []*yaml.Node, ok bool) {
	ok = true
	n := child(root, "include")
	if n == nil {
		return nil, true
	}
	for _, x := range p.list(n, "include") {
		written, is := p.scalar(x, "include")
		if !is {
			return nil, false
		}
		for _, path := range p.included(x, written) {
			data, read := p.includedFile(x, written, path)
			if read {
				tree := p.read(File{Name: path, Data: data})
				roots, read = append(roots, tree), tree != nil
			}
			ok = ok && read
		}
	}
	return roots, ok
}

// included are the files that one element of `include` names and that were not read yet.
func (p *parser) included(n *yaml.Node, written string) []string {
	path := p.near(n, written)
	if !strings.ContainsAny(written, "*?[") {
		switch {
		case path == filepath.Clean(p.pages[0].file.Name):
			p.fault(n, "the file includes itself", "remove it")
			return nil
		case p.isPage(path):
			p.fault(n, fmt.Sprintf("include names %q twice", clip(written)), "remove one")
			return nil
		}
		return []string{path}
	}
	names, err := p.glob(path)
	if err != nil {
		p.fault(n, fmt.Sprintf("include %q: %s", clip(written), cause(err)), "`*` and `?` stand for what is no slash: teams/*.yaml")
	}
	return slices.DeleteFunc(names, func(name string) bool { return p.isPage(name) || leftOut(path, name) })
}

func (p *parser) glob(pattern string) ([]string, error) {
	if p.o.Glob == nil {
		return nil, errors.New("patterns are not read here")
	}
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, err
	}
	names, err := p.o.Glob(pattern)
	names = slices.Clone(names)
	slices.Sort(names)
	return names, err
}

// leftOut says whether a pattern passes a name over: hidden files, and files of tests.
func leftOut(pattern, name string) bool {
	hidden := func(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }
	return hidden(name) && !hidden(pattern) || strings.HasSuffix(name, "_test.yaml")
}

func (p *parser) isPage(path string) bool {
	return slices.ContainsFunc(p.pages, func(x *page) bool { return filepath.Clean(x.file.Name) == path })
}

func (p *parser) includedFile(n *yaml.Node, written, path string) ([]byte, bool) {
	if len(p.pages) > maxIncluded {
		p.fault(n, fmt.Sprintf("more than %d files are included", maxIncluded), "write fewer and larger files")
		return nil, false
	}
	f := p.fileAt(path)
	if f.err != nil {
		p.fault(n, fmt.Sprintf("include %q: %s", clip(written), cause(f.err)), fmt.Sprintf("it would be %s", path))
		return nil, false
	}
	return f.data, true
}

// fileAt reads a file once.
func (p *parser) fileAt(path string) readFile {
	f, known := p.files[path]
	if !known {
		f.err = errors.New("files cannot be read here")
		if p.o.ReadFile != nil {
			f.data, f.err = p.o.ReadFile(path)
		}
		p.files[path] = f
	}
	return f
}

// child is the value of a key in a mapping that nobody has looked at yet.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// sections are the values of each key of the top in all files, the main one first.
func (p *parser) sections(roots []*yaml.Node) (map[string][]*yaml.Node, bool) {
	all, ok := map[string][]*yaml.Node{}, true
	for i, root := range roots {
		b, is := p.block(root, "the file", topKeys)
		if ok = ok && is; !is {
			continue
		}
		p.version(root, b.get("version"))
		for _, f := range b.fields {
			if i > 0 && slices.Contains([]string{"defaults", "retention", "alerts", "include"}, f.key.Value) {
				p.fault(f.key, fmt.Sprintf("%q cannot stand in an included file", f.key.Value), "write it in "+p.pages[0].file.Name)
				continue
			}
			all[f.key.Value] = append(all[f.key.Value], f.value)
		}
	}
	return all, ok
}

// first is the only value of a key that stands in the main file.
func first(nodes []*yaml.Node) *yaml.Node {
	if len(nodes) == 0 {
		return nil
	}
	return nodes[0]
}
