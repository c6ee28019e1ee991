package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
)

// TestNothingSteersTheTerminal: whatever a stranger wrote into an event, a table and JSON show it and do nothing else.
func TestNothingSteersTheTerminal(t *testing.T) {
	const hostile = "a\x1b[2Jb\u009b31mc\u202ed\x7f\xff\re\nf\tg"
	page := &client.Page[client.Event]{Items: []client.Event{{Source: "s", Type: hostile, ReceivedAt: time.Now()}}}
	for _, output := range []string{"table", "json"} {
		var out strings.Builder
		r := &remote{c: &cli{stdout: &out}, output: output}
		if err := r.print(page, func(w io.Writer) { writeEvents(w, page.Items) }); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(out.String(), steers); i >= 0 {
			t.Errorf("%s: %q at %d steers", output, out.String()[i:i+4], i)
		}
		if n := strings.Count(out.String(), "\n"); output == "table" && n != 2 {
			t.Errorf("the table of one event has %d lines", n)
		}
		if output == "json" && !json.Valid([]byte(out.String())) {
			t.Errorf("not JSON any more: %s", out.String())
		}
	}
}
