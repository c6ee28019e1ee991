package ingest_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

const benchRules = `
version: 1
sources:
  github: { preset: github, secret: ` + secret + `, dedupe: none }
destinations:
  sink: http://127.0.0.1:9/
routes:
  - { name: main, from: github, when: body.ref == "refs/heads/main", to: sink }
`

// push is a signed GitHub push as its bytes are on the wire.
func push(b *testing.B, set *rules.Set) []byte {
	b.Helper()
	src, _ := set.Source("github")
	req, err := verify.Sample("github", "push")
	if err != nil {
		b.Fatal(err)
	}
	if err := src.Verifier.Sign(req, time.Now()); err != nil {
		b.Fatal(err)
	}
	out, err := http.NewRequest(http.MethodPost, "http://x/in/github", bytes.NewReader(req.Body))
	if err != nil {
		b.Fatal(err)
	}
	out.Header = req.Header
	var wire bytes.Buffer
	if err := out.Write(&wire); err != nil {
		b.Fatal(err)
	}
	return wire.Bytes()
}

func benchIngest(b *testing.B, log queue.Log) *ingest.Ingest {
	b.Helper()
	set := parse(b, benchRules)
	q := openQueue(b, log, queue.Options{Dir: b.TempDir(), MaxPending: 1 << 30})
	in, err := ingest.New(ingest.Options{Queue: q, Rules: func() *rules.Set { return set }})
	if err != nil {
		b.Fatal(err)
	}
	return in
}

// BenchmarkWire is 64 connections in a closed loop on a real listener: the bare handler is the floor.
func BenchmarkWire(b *testing.B) {
	wire := push(b, parse(b, benchRules))
	b.Run("bare", func(b *testing.B) {
		wireLoop(b, wire, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusAccepted)
		}))
	})
	b.Run("memory", func(b *testing.B) { wireLoop(b, wire, benchIngest(b, logtest.NewMemory())) })
	b.Run("journal", func(b *testing.B) {
		log, err := journal.Open(b.TempDir(), journal.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { log.Close() })
		wireLoop(b, wire, benchIngest(b, log))
	})
}

func wireLoop(b *testing.B, wire []byte, h http.Handler) {
	server := httptest.NewServer(h)
	defer server.Close()
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		for pb.Next() {
			if _, err := conn.Write(wire); err != nil {
				b.Error(err)
				return
			}
			if status := skipAnswer(r); status != "202" {
				b.Errorf("status %q", status)
				return
			}
		}
	})
}

// skipAnswer reads one answer as cheaply as a load generator should.
func skipAnswer(r *bufio.Reader) (status string) {
	length := 0
	for i := 0; ; i++ {
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return err.Error()
		case i == 0 && len(line) > 12:
			status = string(line[9:12])
		case len(line) <= 2:
			_, _ = r.Discard(length)
			return status
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			length, _ = strconv.Atoi(strings.TrimSpace(string(line[16:])))
		}
	}
}

// BenchmarkHandler is the handler alone, without a connection.
func BenchmarkHandler(b *testing.B) {
	in := benchIngest(b, logtest.NewMemory())
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(push(b, parse(b, benchRules)))))
	if err != nil {
		b.Fatal(err)
	}
	body, _ := io.ReadAll(req.Body)
	for name, signature := range map[string]string{"accepted": req.Header.Get("X-Hub-Signature-256"), "forged": "sha256=" + strings.Repeat("0", 64)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				in.ServeHTTP(nowhere{http.Header{}}, &http.Request{
					Method: http.MethodPost, URL: req.URL, Host: "x", RemoteAddr: "127.0.0.1:1", RequestURI: "/in/github",
					Header: withSignature(req.Header, signature), ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
				})
			}
		})
	}
}

// BenchmarkRefused is a request for which there is no room: what remains to be done in a flood.
func BenchmarkRefused(b *testing.B) {
	wire := push(b, parse(b, benchRules))
	set := parse(b, strings.Replace(benchRules, "dedupe: none", "dedupe: none, limit: { rate: 1/h }", 1))
	q := openQueue(b, logtest.NewMemory(), queue.Options{Dir: b.TempDir()})
	in, err := ingest.New(ingest.Options{Queue: q, Rules: func() *rules.Set { return set }})
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		in.ServeHTTP(nowhere{http.Header{}}, &http.Request{
			Method: http.MethodPost, URL: req.URL, Host: "x", RemoteAddr: "127.0.0.1:1", RequestURI: "/in/github",
			Header: req.Header, ContentLength: req.ContentLength, Body: req.Body,
		})
	}
}

func withSignature(h http.Header, signature string) http.Header {
	h = h.Clone()
	h.Set("X-Hub-Signature-256", signature)
	return h
}

type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header         { return n.h }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}
