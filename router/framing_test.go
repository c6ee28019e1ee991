package router_test

import (
	"bytes"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/sink"
)

// TestFramingCorpus: where two readers can differ about the end of a request, what follows it must not be taken for
// another one, or somebody behind a shared proxy could put requests into the mouth of others. What is accepted goes out
// in one spelling.
func TestFramingCorpus(t *testing.T) { hold(t, "testdata/framing.txtar", 50) }

// TestHeaderCorpus: large and strange headers are refused, or go out as what they are.
func TestHeaderCorpus(t *testing.T) { hold(t, "testdata/headers.txtar", 40) }

// TestOtherProtocols: there is no second protocol to reach behind the first.
func TestOtherProtocols(t *testing.T) { hold(t, "testdata/protocols.txtar", 25) }

// hold compares what a corpus wants with what a server does, and looks at the bytes of what it sends on. At least so many
// events are to be accepted.
func hold(t *testing.T, file string, accepted int) {
	t.Helper()
	out, wire := sink.New(sink.Options{}), listenRecording(t)
	server := &http.Server{Handler: out}
	go func() { _ = server.Serve(wire) }()
	defer server.Close()
	h := open(t, strings.ReplaceAll(`version: 1
sources: { s: { verify: none, methods: [GET, POST] } }
destinations: { d: http://SINK/ }
routes: [{ name: r, from: s, to: d }]
`, "SINK", wire.Addr().String()))
	stored := h.holdTo(file)
	if stored < accepted {
		t.Errorf("%d events were stored: what is plain is to be accepted", stored)
	}
	if err := out.Wait(stored, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	h.stop()
	sent := 0
	for _, stream := range wire.streams() {
		sent += canonical(t, stream)
	}
	if sent != stored {
		t.Errorf("%d requests went out for %d events", sent, stored)
	}
}

var (
	requestLine = regexp.MustCompile(`^(GET|POST) /[!-~]* HTTP/1\.1$`)
	// fieldLine is one whose name has no `_`, which some servers read as `-`, and whose value holds no control character
	// and no white space at its ends.
	fieldLine = regexp.MustCompile("^([0-9A-Za-z!#$%&'*+.^`|~-]+): ((?:[^\\x00-\\x20\\x7f](?:[^\\x00-\\x08\\x0a-\\x1f\\x7f]*[^\\x00-\\x20\\x7f])?)?)$")
	// stays are fields of a sender that are about its own connection, or its user.
	stays = regexp.MustCompile(`^(Transfer-Encoding|Connection|Trailer|Te|Upgrade|Expect|Cookie)$`)
)

// canonical counts the requests of a stream, and fails when any of them could be read in another way: one form of line
// end, of field and of framing.
func canonical(t *testing.T, stream []byte) (requests int) {
	t.Helper()
	for len(stream) > 0 {
		head, rest, whole := bytes.Cut(stream, []byte("\r\n\r\n"))
		lines := strings.Split(string(head), "\r\n")
		if !whole || !requestLine.MatchString(lines[0]) {
			t.Fatalf("not a request: %.200q", stream)
		}
		fields := map[string][]string{}
		for _, line := range lines[1:] {
			field := fieldLine.FindStringSubmatch(line)
			if field == nil || stays.MatchString(field[1]) {
				t.Fatalf("field %.200q of %.200q", line, stream)
			}
			fields[field[1]] = append(fields[field[1]], field[2])
		}
		length := 0
		if n := fields["Content-Length"]; len(n) == 1 {
			length, _ = strconv.Atoi(n[0])
		} else if len(n) != 0 || strings.HasPrefix(lines[0], "POST") {
			t.Fatalf("lengths %q of %.200q", n, stream)
		}
		if len(fields["Host"]) != 1 || len(fields["Webhook-Id"]) != 1 || len(rest) < length {
			t.Fatalf("a host, an id and %d bytes are wanted: %.200q", length, stream)
		}
		stream = rest[length:]
		requests++
	}
	return requests
}

// recording is a listener that keeps what its connections read.
type recording struct {
	net.Listener
	mu   sync.Mutex
	read []*bytes.Buffer
}

func listenRecording(t *testing.T) *recording {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &recording{Listener: ln}
}

func (l *recording) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = append(l.read, new(bytes.Buffer))
	return &recorded{conn, l, l.read[len(l.read)-1]}, err
}

func (l *recording) streams() (all [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.read {
		all = append(all, bytes.Clone(b.Bytes()))
	}
	return all
}

type recorded struct {
	net.Conn
	in *recording
	to *bytes.Buffer
}

func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	_, _ = c.to.Write(p[:n])
	return n, err
}
