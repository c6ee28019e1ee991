package verify

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/senders.md anew")

const sendersFile = "../docs/senders.md"

// TestSendersPage: docs/senders.md is what the presets say.
func TestSendersPage(t *testing.T) {
	want := sendersPage()
	if *update {
		if err := os.WriteFile(sendersFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(sendersFile)
	if err != nil || string(got) != want {
		t.Errorf("docs/senders.md is not what the presets say (%v): go test ./verify -run TestSendersPage -update", err)
	}
}

const sendersHead = `# Senders

<!-- Made of verify/providers/*.yaml by: go test ./verify -run TestSendersPage -update -->

The senders that are built in: %d of them. A source names one, ` + "`preset: NAME`" + `, and gives its secret;
` + "`hookrouter preset show NAME`" + ` prints what it knows as YAML that can be copied under ` + "`presets:`" + ` and changed. What is not here
is a few lines of the same YAML: see [the rules file](rules.md#sources), and [contributing](../CONTRIBUTING.md#a-new-sender).

**Covers** says what the proof covers: *body* means that nobody can change it on the way, *sender* that only the sender is
known. **Duplicate** says what tells that an event came before: an expression over what is signed (kept for 24 hours),
*body* (equal bodies within 10 minutes), or nothing. **Sure** says what was read: *sdk* the sender's own code, *docs* its
documentation, *secondary* only what others wrote: try such a preset with a real event before you rely on it.

| preset | sender | proof | covers | duplicate | handshake | answer | sure |
|---|---|---|---|---|---|---|---|
`

func sendersPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, sendersHead, len(Names()))
	for _, name := range Names() {
		p, _ := Lookup(name)
		fmt.Fprintf(&b, "| `%s`%s | [%s](%s) | %s | %s | %s | %s | %s | %s |\n", name, also(p), p.Title, p.Docs, proofOf(p.Verify), coversOf(p.Verify),
			duplicateOf(p), handshakesOf(p), answerOf(p), p.Verified)
	}
	return b.String()
}

func also(p *Preset) string {
	if len(p.Aliases) == 0 {
		return ""
	}
	return " (" + strings.Join(p.Aliases, ", ") + ")"
}

// proofOf names each way in which the sender proves itself, and where the proof stands.
func proofOf(s Scheme) string {
	var ways []string
	for _, one := range s.all() {
		way := one.Kind
		if one.Kind != KindToken && one.Kind != KindNone && one.Kind != KindEd25519 {
			way += " " + strings.Join(one.algorithms(), "/")
		}
		if p := one.place(); p != nil {
			way += " in " + p.what(&Request{})
		}
		if one.Timestamp != nil {
			past, _ := one.Timestamp.window()
			way += ", " + seconds(past)
		}
		ways = append(ways, way)
	}
	return strings.Join(ways, "; ")
}

func coversOf(s Scheme) string {
	if s.CoversBody() {
		return "body"
	}
	if s.Kind == KindNone {
		return "nothing"
	}
	return "sender"
}

func duplicateOf(p *Preset) string {
	switch p.Dedupe {
	case "digest":
		return "body"
	case "none":
		return "–"
	}
	return "`" + strings.ReplaceAll(strings.Join(strings.Fields(p.Dedupe), " "), "|", `\|`) + "`"
}

func handshakesOf(p *Preset) string {
	var all []string
	for _, h := range p.Handshake {
		text := h.Match.method() + " " + h.Name
		if h.Learn != "" {
			text += ", gives the secret"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return "–"
	}
	return strings.Join(all, ", ")
}

func answerOf(p *Preset) string {
	if p.Respond == nil {
		return "202"
	}
	status := p.Respond.Status
	if status == 0 {
		status = http.StatusAccepted
	}
	text := fmt.Sprint(status)
	if p.Respond.Body != nil && *p.Respond.Body == "" {
		text += " empty"
	}
	if p.Respond.Refused != 0 {
		text += fmt.Sprintf(", refused %d", p.Respond.Refused)
	}
	return text
}
