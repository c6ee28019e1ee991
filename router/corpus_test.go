package router_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookrouter/hookrouter/event"
)

// follower stands behind every request of a corpus: whether it is answered tells where the server saw the end of the
// request before it.
const follower = "POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nsecond"

// vector is one request of a corpus, as testdata/framing.txtar describes them.
type vector struct {
	name    string
	request string
	want    []string // "STATUS" or "STATUS BODY" for each answer; the body is that of the event that was stored
}

// corpus reads a file of vectors.
func corpus(t testing.TB, file string) (all []vector) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		v := vector{name: f.Name}
		for line := range strings.Lines(string(f.Data)) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "= "):
				v.want = append(v.want, line[2:])
			case line == "+":
				v.request += "POST /in/s HTTP/1.1\r\nHost: h\r\n"
			default:
				v.request += repeated(t, line)
			}
		}
		all = append(all, v)
	}
	return all
}

// repeated is a line of a request with its escapes resolved; "* 3 text" is three times text.
func repeated(t testing.TB, line string) string {
	t.Helper()
	times := 1
	if counted, is := strings.CutPrefix(line, "* "); is {
		number, text, _ := strings.Cut(counted, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		times, line = n, text
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return strings.Repeat(text, times)
}

// answersTo sends text with the follower behind it and gives every answer, with the body of what it stored, until the
// server ends the connection.
func (h *house) answersTo(text string) (all []string) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.Addr())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { // the server may end the connection before it has read everything
		_, _ = io.WriteString(conn, text+follower)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	method, _, _ := strings.Cut(text, " ")
	ended := false
	for r := bufio.NewReader(conn); ; method = "" {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			break
		}
		if resp.StatusCode == http.StatusContinue {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, h.storedAs(resp.StatusCode, body))))
		ended = resp.Close
	}
	if len(all) == 1 && !ended {
		all = append(all, "the connection is not to end")
	}
	return all
}

// storedAs is the body of the event that an answer names.
func (h *house) storedAs(status int, answer []byte) string {
	h.t.Helper()
	if status != http.StatusAccepted {
		return ""
	}
	body, err := h.api.Body(h.t.Context(), h.idOf(answer))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(body)
}

// idOf is the event that an answer names.
func (h *house) idOf(answer []byte) event.EventID {
	h.t.Helper()
	id, err := event.ParseEventID(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(answer)), `{"id":"`), `"}`))
	if err != nil {
		h.t.Fatalf("%s: %v", answer, err)
	}
	return id
}

// holdTo compares what a corpus wants with what the server answers, and gives how many events that stored.
func (h *house) holdTo(file string) (stored int) {
	h.t.Helper()
	for _, v := range corpus(h.t, file) {
		got := h.answersTo(v.request)
		if !slices.Equal(got, v.want) {
			h.t.Errorf("%s: answers %q, want %q", v.name, got, v.want)
		}
		for _, answer := range got {
			if strings.HasPrefix(answer, "202") {
				stored++
			}
		}
	}
	return stored
}
