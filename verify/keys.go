package verify

import "gopkg.in/yaml.v3"

// BlockKeys are the keys that a block may hold, for the parser as for a schema: preset, with, respond, handshake, match,
// reply, verify, key, timestamp, and place, which is what stands under signature and token. nil for any other name.
func BlockKeys(block string) []string {
	switch block {
	case "preset":
		return []string{
			"title", "docs", "note", "verify", "handshake", "type", "dedupe", "sender_id", "methods", "body", "max_body",
			"respond", "with",
		}
	case "with":
		return []string{"name", "note", "required"}
	case "respond":
		return []string{"status", "headers", "body"}
	case "handshake":
		return []string{"name", "unverified", "match", "reply"}
	case "match":
		return []string{"method", "json", "header", "query", "form"}
	case "reply":
		return []string{"status", "content_type", "headers", "body"}
	case "verify":
		return []string{"kind", "algorithm", "encoding", "signature", "content", "timestamp", "key", "token"}
	case "key":
		return []string{"strip", "encoding", "length"}
	case "timestamp":
		return []string{"header", "field", "unit", "tolerance"}
	case "place":
		return []string{"header", "form", "query", "basic", "prefix", "separator", "assign", "field"}
	}
	return nil
}

// block reads a mapping by the keys of its name.
func (d *reader) block(n *yaml.Node, name string) map[string]*yaml.Node {
	return d.mapping(n, name, BlockKeys(name)...)
}
