package verify

import "gopkg.in/yaml.v3"

// BlockKeys are the keys that a block may hold, for the parser as for a schema: preset, with, respond, handshake, match,
// reply, verify, key, timestamp, and place, which is what stands under signature and token. nil for any other name.
func BlockKeys(block string) []string {
	switch block {
	case "preset":
		return []string{
			"like", "title", "docs", "verified", "note", "verify", "handshake", "type", "dedupe", "sender_id", "methods", "body",
			"max_body", "respond", "with",
		}
	case "with":
		return []string{"name", "note", "required", "example"}
	case "respond":
		return []string{"status", "headers", "body", "refused"}
	case "handshake":
		return []string{"name", "unverified", "match", "must", "refused", "learn", "confirm", "hosts", "reply"}
	case "match":
		return []string{"method", "json", "header", "query", "form"}
	case "reply":
		return []string{"status", "content_type", "headers", "body"}
	case "verify":
		return []string{
			"kind", "algorithm", "padding", "encoding", "signature", "content", "timestamp", "key", "document", "must", "token", "claims",
			"body_claims", "max_age", "skew",
		}
	case "key":
		return []string{"strip", "encoding", "bare", "suffix", "derive", "length", "url", "hosts", "json", "post"}
	case "timestamp":
		return []string{"header", "field", "json", "form", "unit", "tolerance", "past", "future"}
	case "place":
		return []string{
			"header", "form", "query", "json", "basic", "each", "numbered", "prefix", "bare", "groups", "separator", "assign", "field",
		}
	}
	return nil
}

// block reads a mapping by the keys of its name.
func (d *reader) block(n *yaml.Node, name string) map[string]*yaml.Node {
	return d.mapping(n, name, BlockKeys(name)...)
}
