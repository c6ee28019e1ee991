package router_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
)

// Frames of HTTP/2 (RFC 9113, section 6) and their flags.
const (
	frameData, frameHeaders, framePriority, frameReset, frameSettings, framePing, frameGoAway, frameWindow, frameContinuation = 0, 1, 2, 3, 4, 6, 7, 8, 9

	endStream, endHeaders = 1, 4
)

// frame is one as its bytes are on the wire.
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// fields writes names and values as literals that nobody is to remember (RFC 7541, 6.2.2).
func fields(pairs ...string) (b []byte) {
	for i, text := range pairs {
		if i%2 == 0 {
			b = append(b, 0)
		}
		if len(text) < 127 {
			b = append(b, byte(len(text)))
		} else {
			b = append(append(b, 127), binary.AppendUvarint(nil, uint64(len(text)-127))...)
		}
		b = append(b, text...)
	}
	return b
}

var posting = fields(":method", "POST", ":scheme", "https", ":path", "/in/open", ":authority", "x")

// onslaught is an attack by HTTP/2: how its bytes go on after the preface, given how much of it there is to be.
type onslaught struct {
	name string
	send func(w io.Writer, times int) error
	deaf bool // it does not read what the server says
	ends bool // the server must end the connection
}

var onslaughts = []onslaught{
	{"rapid resets", func(w io.Writer, times int) error {
		return each(w, times, func(id uint32) []byte {
			return append(frame(frameHeaders, endHeaders, id, posting...), frame(frameReset, 0, id, 0, 0, 0, 8)...)
		})
	}, false, false}, // ended when the handlers do not keep up, which depends on the machine
	{"streams without end", func(w io.Writer, times int) error {
		return each(w, times, func(id uint32) []byte { return frame(frameHeaders, endHeaders, id, posting...) })
	}, false, false},
	{"headers that go on and on", func(w io.Writer, times int) error {
		if _, err := w.Write(frame(frameHeaders, 0, 1, posting...)); err != nil {
			return err
		}
		return each(w, times, func(uint32) []byte {
			return frame(frameContinuation, 0, 1, fields("x-long", strings.Repeat("x", 4000))...)
		})
	}, false, true},
	{"headers that go on with nothing", func(w io.Writer, times int) error {
		if _, err := w.Write(frame(frameHeaders, 0, 1, posting...)); err != nil {
			return err
		}
		return each(w, times, func(uint32) []byte { return frame(frameContinuation, 0, 1) })
	}, false, false},
	{"a bomb of headers", func(w io.Writer, times int) error {
		remembered := append([]byte{0x40}, fields("x-bomb", strings.Repeat("x", 3900))[1:]...) // 6.2.1: to be remembered
		block := append(append(bytes.Clone(posting), remembered...), bytes.Repeat([]byte{0x80 | 62}, 12_000)...)
		return each(w, times/1000, func(id uint32) []byte { return frame(frameHeaders, endHeaders|endStream, id, block...) })
	}, false, false},
	{"settings", func(w io.Writer, times int) error {
		return each(w, times, func(uint32) []byte { return frame(frameSettings, 0, 0, 0, 4, 0, 0, 255, 255) })
	}, true, false},
	{"pings", func(w io.Writer, times int) error {
		return each(w, times, func(uint32) []byte { return frame(framePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8) })
	}, true, false},
	{"priorities", func(w io.Writer, times int) error {
		return each(w, times, func(id uint32) []byte { return frame(framePriority, 0, id, 0, 0, 0, 0, 1) })
	}, false, false},
	{"empty data", func(w io.Writer, times int) error {
		if _, err := w.Write(frame(frameHeaders, endHeaders, 1, posting...)); err != nil {
			return err
		}
		return each(w, times, func(uint32) []byte { return frame(frameData, 0, 1) })
	}, false, false},
	{"a window that overflows", func(w io.Writer, times int) error {
		return each(w, 10, func(uint32) []byte { return frame(frameWindow, 0, 0, 0x7f, 0xff, 0xff, 0xff) })
	}, false, true},
	{"a frame of 16 MB", func(w io.Writer, times int) error {
		_, err := w.Write(frame(frameData, 0, 1, make([]byte, 1<<24-1)...))
		return err
	}, false, true},
	{"a server's stream", func(w io.Writer, times int) error {
		_, err := w.Write(frame(frameHeaders, endHeaders|endStream, 2, posting...))
		return err
	}, false, true},
	{"answers that are not wanted", func(w io.Writer, times int) error {
		if _, err := w.Write(frame(frameSettings, 0, 0, 0, 4, 0, 0, 0, 0)); err != nil { // a window of nothing
			return err
		}
		return each(w, 90, func(id uint32) []byte {
			nobody := fields(":method", "GET", ":scheme", "https", ":path", "/nobody", ":authority", "x")
			return frame(frameHeaders, endHeaders|endStream, id, nobody...)
		})
	}, true, false},
}

// each writes what make gives for the ids of streams, one after the other.
func each(w io.Writer, times int, make func(id uint32) []byte) error {
	var b bytes.Buffer
	for i := range times {
		b.Write(make(uint32(2*i + 1)))
		if b.Len() < 32<<10 && i < times-1 {
			continue
		}
		if _, err := b.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}

// TestHTTP2AbuseLong: what floods one connection ends it, or costs the server little; nobody else notices, and no event
// comes of it.
func TestHTTP2AbuseLong(t *testing.T) {
	times := 20_000
	if os.Getenv("HOOKROUTER_LONG") != "" {
		times = 1_000_000
	}
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("h2"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	h.api = client.New("http://"+r.AdminAddr(), "")
	plain := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(plain.CloseIdleConnections)
	before := heap()
	attacks := make(chan string)
	var all sync.WaitGroup
	for _, a := range onslaughts {
		all.Go(func() {
			ended, err := a.on(r.Addr(), times)
			if err != nil || a.ends && !ended {
				t.Errorf("%s: the connection ended: %v, %v", a.name, ended, err)
			}
			attacks <- a.name
		})
	}
	events := 0
	for going := len(onslaughts); going > 0; events++ {
		resp, err := plain.Post("https://"+r.Addr()+"/in/open", "text/plain", strings.NewReader(fmt.Sprint(events)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted || resp.ProtoMajor != 1 {
			t.Errorf("%s %s while %d attack", resp.Proto, resp.Status, going)
		}
		select {
		case <-attacks:
			going--
		default:
		}
	}
	all.Wait()
	h.eventually(20*time.Second, "nothing of it is left", func() bool {
		return heap() < before+64<<20 && gauge(t, r, "hookrouter_connections") <= 1
	})
	stored := 0
	for f := (client.Filter{Limit: 1000}); ; {
		page, err := h.api.Events(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if stored, f.Cursor = stored+len(page.Items), page.Next; page.Next == "" {
			break
		}
	}
	if stored != events {
		t.Errorf("%d events, %d were sent by those who mean well", stored, events)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// on carries the attack out and reports whether the server ended the connection within 10 s of its last byte.
func (a onslaught) on(addr string, times int) (ended bool, err error) {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if got := conn.ConnectionState().NegotiatedProtocol; got != "h2" {
		return false, fmt.Errorf("protocol %q", got)
	}
	over := make(chan struct{})
	if !a.deaf {
		go func() { defer close(over); _, _ = io.Copy(io.Discard, conn) }()
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
	_, err = conn.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0)...))
	if err != nil {
		return false, err
	}
	err = a.send(conn, times)
	if slow := net.Error(nil); errors.As(err, &slow) && slow.Timeout() {
		return false, fmt.Errorf("the server neither reads nor ends: %w", err)
	}
	if !a.ends {
		return err != nil, nil
	}
	select {
	case <-over:
		return true, nil
	case <-time.After(10 * time.Second):
		return false, nil
	}
}

// TestHTTP2RequestsThatHTTP1CannotHave: what no HTTP/1.1 request could say, or could say otherwise, is no event.
func TestHTTP2RequestsThatHTTP1CannotHave(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("h2"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	field := func(pairs ...string) []byte { return append(bytes.Clone(posting), fields(pairs...)...) }
	for name, block := range map[string][]byte{
		"a plain one":              field("content-length", "3"),
		"a length that is short":   field("content-length", "2"),
		"a length that is long":    field("content-length", "4"),
		"two lengths":              field("content-length", "3", "content-length", "4"),
		"chunks":                   field("transfer-encoding", "chunked"),
		"a field of a connection":  field("connection", "close"),
		"an upgrade":               field("upgrade", "h2c"),
		"a name in capitals":       field("X-A", "1"),
		"a name with a line end":   field("x-a: 1\r\nx-b", "1"),
		"a name with a colon":      field("x:a", "1"),
		"an empty name":            field("", "1"),
		"a value with a line end":  field("x-a", "1\r\nx-b: 1"),
		"a value with NUL":         field("x-a", "1\x00"),
		"a path after fields":      append(fields("x-a", "1"), posting...),
		"a path twice":             field(":path", "/in/open"),
		"a path with a line end":   fields(":method", "POST", ":scheme", "https", ":path", "/in/open HTTP/1.1\r\nX-A: 1", ":authority", "x"),
		"a path with a space":      fields(":method", "POST", ":scheme", "https", ":path", "/in/open x", ":authority", "x"),
		"a whole URL":              fields(":method", "POST", ":scheme", "https", ":path", "https://u:p@x/in/open", ":authority", "x"),
		"a method with a space":    fields(":method", "POST /in/open", ":scheme", "https", ":path", "/in/open", ":authority", "x"),
		"a method with a line end": fields(":method", "POST\r\n", ":scheme", "https", ":path", "/in/open", ":authority", "x"),
		"no path":                  fields(":method", "POST", ":scheme", "https", ":authority", "x"),
		"an unknown pseudo-field":  field(":x", "1"),
	} {
		before := gauge(t, r, `hookrouter_events_total{result="accepted",source="open"}`)
		if err := request(r.Addr(), block, "{1}"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := gauge(t, r, `hookrouter_events_total{result="accepted",source="open"}`) - before
		if plain := name == "a plain one"; plain != (got == 1) {
			t.Errorf("%s: %d events", name, got)
		}
	}
}

// request sends one with body as its data, and waits until the server has answered it, reset it, or ended the connection.
func request(addr string, block []byte, body string) error {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	begin := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0)...)
	begin = append(begin, frame(frameHeaders, endHeaders, 1, block...)...)
	if _, err := conn.Write(append(begin, frame(frameData, endStream, 1, []byte(body)...)...)); err != nil {
		return err
	}
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return nil // the end of the connection
		}
		kind, stream := head[3], binary.BigEndian.Uint32(head[5:])
		if kind == frameGoAway || stream == 1 && (kind == frameHeaders || kind == frameReset) {
			return nil
		}
		if _, err := io.CopyN(io.Discard, conn, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			return err
		}
	}
}

// TestHTTP2ConnectionOutlivesRefusals: behind a proxy the connection belongs to others, too.
func TestHTTP2ConnectionOutlivesRefusals(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("h2"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	c := &http.Client{Timeout: 10 * time.Second, Transport: tr}
	var reused bool
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
	for i, x := range []struct {
		path string
		size int
		want int
	}{{"/in/open", 1, 202}, {"/in/nobody", 100_000, 404}, {"/in/open", 2 << 20, 413}, {"/in/nobody", 1, 404}, {"/in/open", 2, 202}} {
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace),
			http.MethodPost, "https://"+r.Addr()+x.path, strings.NewReader(strings.Repeat("x", x.size)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", x.path, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != x.want || resp.ProtoMajor != 2 || i > 0 && !reused {
			t.Errorf("%s with %d bytes: %s %s, the same connection: %v", x.path, x.size, resp.Proto, resp.Status, reused)
		}
	}
}
