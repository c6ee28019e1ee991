package deliver

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var remarks = regexp.MustCompile(`(?m)^#.*\n`)

// TestAnswersCorpus: whatever a destination answers, the attempt ends on its deadline at the latest, with the result that
// testdata/answers.txtar says, and keeps a little of it.
func TestAnswersCorpus(t *testing.T) {
	corpus, err := txtar.ParseFile("testdata/answers.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range corpus.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			want, script, _ := strings.Cut(remarks.ReplaceAllString(string(f.Data), ""), "\n")
			result, _, _ := strings.Cut(strings.TrimPrefix(want, "= "), " ")
			a := post(t, testTransport(t), "http://"+scripted(t, script), result)
			if got := fmt.Sprintf("= %s %d", a.result, a.status); got != want {
				t.Errorf("%s (%s), want %s", got, a.err, want)
			}
			if (a.err == "") != (a.result == resultOK) || len(a.body) > keepBody+2 || len(a.err) > maxError+3 {
				t.Errorf("error %q, body of %d bytes", a.err, len(a.body))
			}
		})
	}
}

// scripted answers one request as the script says.
func scripted(t *testing.T, script string) (addr string) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := ln.Accept()
		_ = ln.Close()
		if err != nil {
			return
		}
		defer conn.Close()
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		_ = req.Body.Close()
		for line := range strings.Lines(script) {
			play(t, conn, strings.TrimSuffix(line, "\n"))
		}
	}()
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// play sends what one line of a script says.
func play(t *testing.T, conn net.Conn, line string) {
	times := 1
	if line == "~" {
		<-t.Context().Done()
		return
	}
	if rest, ok := strings.CutPrefix(line, "* "); ok {
		n, text, _ := strings.Cut(rest, " ")
		times, _ = strconv.Atoi(n)
		line = text
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
	if err != nil {
		t.Errorf("%q: %v", line, err)
	}
	_, _ = conn.Write([]byte(strings.Repeat(text, times))) // the other side may have had enough
}
