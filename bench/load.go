package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

// digits is how much of the body differs from event to event: the beginning of the commit that was pushed.
const digits = 20

// template is a GitHub push of which every copy is another event.
type template struct {
	body  []byte
	place int // of the digits
}

func newTemplate() (*template, error) {
	r, err := verify.Sample("github", "push")
	if err != nil {
		return nil, err
	}
	at := bytes.Index(r.Body, []byte(`"after":`))
	if at < 0 {
		return nil, fmt.Errorf("the sample push has no \"after\"")
	}
	at += bytes.IndexByte(r.Body[at+len(`"after":`):], '"') + len(`"after":`) + 1
	return &template{body: r.Body, place: at}, nil
}

// client is one connection with one request at a time.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	body    []byte
	place   int
	head    []byte
	took    []time.Duration
	refused int
}

func (t *template) connect(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr) //nolint:noctx // loopback, at once or never
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReader(conn), body: bytes.Clone(t.body), place: t.place}, nil
}

// do sends the n-th event, signed, and reads the answer.
func (c *client) do(n uint64) error {
	copy(c.body[c.place:c.place+digits], fmt.Appendf(nil, "%020d", n))
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write(c.body)
	c.head = fmt.Appendf(c.head[:0], "POST /in/in HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"+
		"User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %d\r\n"+
		"X-Hub-Signature-256: sha256=%s\r\nContent-Length: %d\r\n\r\n", n, hex.EncodeToString(mac.Sum(nil)), len(c.body))
	start := time.Now()
	buffers := net.Buffers{c.head, c.body}
	if _, err := buffers.WriteTo(c.conn); err != nil {
		return err
	}
	status, err := c.answer()
	if err != nil {
		return err
	}
	c.took = append(c.took, time.Since(start))
	if status != http.StatusAccepted {
		c.refused++
	}
	return nil
}

// answer reads one response with a Content-Length, which is all that the servers send.
func (c *client) answer() (status int, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, _ := bytes.Cut(line, []byte(":")); {
		case first && len(line) >= 12:
			status, err = strconv.Atoi(string(line[9:12]))
		case len(line) == 0:
			_, err = io.CopyN(io.Discard, c.in, int64(length))
			return status, err
		case bytes.EqualFold(name, []byte("Content-Length")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
		if err != nil {
			return 0, err
		}
	}
}

// loaded is what one round of load gave.
type loaded struct {
	answers, refused int
	took             time.Duration
	p50, p99         time.Duration
}

// load keeps n connections to addr busy for so long.
func load(ctx context.Context, t *template, addr string, n int, length time.Duration, series uint64) (loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	clients := make([]*client, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	start := time.Now()
	for i := range clients {
		c, err := t.connect(addr)
		if err != nil {
			return loaded{}, err
		}
		clients[i] = c
		all.Go(func() {
			for k := uint64(0); ctx.Err() == nil && errs[i] == nil; k++ {
				errs[i] = c.do(series<<48 | uint64(i)<<32 | k)
			}
		})
	}
	all.Wait()
	return sum(clients, errs, time.Since(start))
}

func sum(clients []*client, errs []error, took time.Duration) (loaded, error) {
	l := loaded{took: took}
	var times []time.Duration
	for i, c := range clients {
		_ = c.conn.Close()
		if errs[i] != nil {
			return l, errs[i]
		}
		times = append(times, c.took...)
		l.refused += c.refused
	}
	slices.Sort(times)
	l.answers = len(times)
	if l.answers > 0 {
		l.p50, l.p99 = times[l.answers/2], times[l.answers*99/100]
	}
	return l, nil
}
