package deliver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/rules"
)

// transport carries the requests of one destination. Its numbers are fixed; others need a new one.
type transport struct {
	http        *http.Transport
	tokens      *tokens // nil: requests need none
	tls         *rules.TLS
	concurrency int
	timeout     time.Duration

	replies *transport    // the same for senders who wait, with connections of its own: those that hang keep none of them
	slots   chan struct{} // one for each of those; nil when it is not for them
}

const (
	maxHeader  = 64 << 10 // bytes of response headers
	maxBody    = 64 << 10 // bytes of a response body that are read; a longer one costs the connection
	keepBody   = 4 << 10  // bytes of it that are kept for people
	keepOK     = 1 << 10  // when all went well
	maxConnect = 10 * time.Second
	maxTLS     = 5 * time.Second
	maxIdle    = 30 * time.Second
	maxError   = 300 // bytes of an error's text
)

func newTransport(dest *rules.Destination, o *Options) *transport {
	conns := max(1, dest.Limit.Concurrency)
	t := &transport{
		concurrency: dest.Limit.Concurrency, timeout: dest.Timeout, tls: dest.TLS,
		http:   newHTTP(conns, dest.Timeout, dest.TLS, o),
		tokens: newTokens(dest, o),
	}
	replies := *t
	replies.http, replies.slots = newHTTP(conns, dest.Timeout, dest.TLS, o), make(chan struct{}, conns)
	t.replies = &replies
	return t
}

func newHTTP(conns int, timeout time.Duration, trust *rules.TLS, o *Options) *http.Transport {
	dialer := &net.Dialer{
		Timeout: min(timeout, maxConnect), KeepAlive: 15 * time.Second,
		Control: o.Egress.Control, Resolver: o.Resolver,
	}
	only1 := new(http.Protocols)
	only1.SetHTTP1(true)
	return &http.Transport{ // without Proxy: the environment has no say in where events go
		DialContext:            dialer.DialContext,
		Protocols:              only1,
		TLSClientConfig:        trust.Config(),
		TLSHandshakeTimeout:    maxTLS,
		MaxConnsPerHost:        conns,
		MaxIdleConns:           conns,
		MaxIdleConnsPerHost:    conns,
		IdleConnTimeout:        maxIdle,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		WriteBufferSize:        64 << 10, // the default splits a body of 7 KB
	}
}

// fits reports whether it serves dest as it is.
func (t *transport) fits(dest *rules.Destination) bool {
	return t.concurrency == dest.Limit.Concurrency && t.timeout == dest.Timeout && t.tls.Same(dest.TLS) &&
		t.tokens.fit(dest.OAuth2)
}

// close ends idle connections; requests that run end theirs when they are done.
func (t *transport) close() {
	t.http.CloseIdleConnections()
	t.replies.http.CloseIdleConnections()
	t.tokens.close()
}

// attempt signs a request, gets a token for it where the destination wants one, and sends it. A token that is refused is
// replaced once: it may have been withdrawn before its time.
func (t *transport) attempt(ctx context.Context, dest *rules.Destination, r *rules.Request) answer {
	if err := dest.Sign(r, time.Now()); err != nil {
		return answer{result: resultRule, err: err.Error()}
	}
	if t.tokens == nil {
		return t.send(ctx, r, dest.Success)
	}
	token, err := t.tokens.get(ctx, "")
	if err != nil {
		return noToken(err)
	}
	r.Authorize(token)
	a := t.send(ctx, r, dest.Success)
	if a.status != http.StatusUnauthorized {
		return a
	}
	if token, err = t.tokens.get(ctx, token); err != nil {
		return noToken(err)
	}
	r.Authorize(token)
	return t.send(ctx, r, dest.Success)
}

// send makes one request and reads its answer, all before ctx ends; success says which are ok. It follows no redirect.
func (t *transport) send(ctx context.Context, r *rules.Request, success rules.Answers) answer {
	req, err := newRequest(ctx, r)
	if err != nil {
		return answer{result: resultRule, err: "request cannot be made of " + r.MaskedURL}
	}
	resp, err := t.http.RoundTrip(req)
	if err != nil {
		return failed(ctx, err, r, req.URL)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode}
	if a.status < 200 { // its body would be the raw connection, which knows no deadline
		a.result, a.err = resultBroken, fmt.Sprintf("answered %d to a request that asked for no other protocol", a.status)
		return a
	}
	a.after = retryAfter(resp.Header.Values("Retry-After"), time.Now())
	keep := int64(keepBody)
	if a.status < 300 {
		keep = keepOK
	}
	var whole bytes.Buffer
	body := io.Reader(resp.Body)
	if t.slots != nil {
		body = io.TeeReader(body, &whole)
	}
	if a.body, err = readAnswer(body, resp.ContentLength, keep); a.body != "" {
		a.body = r.Hide(a.body, int64(len(a.body)) >= keep || err != nil)
	}
	if t.slots != nil && err == nil {
		a.contentType = r.Hide(resp.Header.Get("Content-Type"), false)
		if a.whole, err = rest(&whole, body); a.whole != nil {
			a.whole = []byte(r.Hide(string(a.whole), false))
		}
	}
	if err != nil {
		f := failed(ctx, err, r, req.URL)
		f.status, f.body, f.after, f.contentType = a.status, a.body, a.after, a.contentType
		return f
	}
	if success.Status(a.status) {
		a.result = resultOK
		return a
	}
	a.result, a.err = resultStatus, fmt.Sprintf("answered %d %s", a.status, http.StatusText(a.status))
	return a
}

func newRequest(ctx context.Context, r *rules.Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if len(req.Header["User-Agent"]) == 0 {
		req.Header["User-Agent"] = []string{"hookrouter"}
	}
	if len(r.Body) > 0 && replayable(req) {
		req.GetBody = nil // net/http would send it twice and tell nobody
	}
	return req, nil
}

// replayable reports whether net/http takes it upon itself to repeat a request that may have been processed.
func replayable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil
}

// readAnswer reads what may be read of a body and returns up to keep bytes of it; size is what the header says, -1 for nothing.
// (io.ReadFull would not do: it tells a body that ended early as it tells a short one.)
func readAnswer(body io.Reader, size, keep int64) (string, error) {
	if size < 0 || size > keep {
		size = keep
	}
	first := make([]byte, size)
	var n int
	var err error
	for n < len(first) && err == nil {
		var m int
		m, err = body.Read(first[n:])
		n += m
	}
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(body, maxBody-size))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.ToValidUTF8(string(first[:n]), "\uFFFD"), err
}

// failed classifies an attempt without a whole answer.
func failed(ctx context.Context, err error, r *rules.Request, to *url.URL) answer {
	a := answer{result: classify(ctx, err), err: err.Error()}
	if to.Host != "" && !strings.Contains(r.MaskedURL, to.Host) {
		a.err = a.result + " error; the address is secret" // and most errors would name it
	}
	if a.result == resultTimeout {
		a.err = "no whole answer in time"
	}
	a.err = r.Hide(a.err, false)
	if len(a.err) > maxError {
		a.err = strings.ToValidUTF8(a.err[:maxError], "") + "…"
	}
	return a
}

func classify(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return resultTimeout
	}
	var refused *EgressError
	if errors.As(err, &refused) {
		return resultEgress
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return resultDNS
	}
	if isTLS(err) {
		return resultTLS
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return resultConnect
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return resultTimeout
	}
	return resultBroken
}

func isTLS(err error) bool {
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
		host   x509.HostnameError
		signer x509.UnknownAuthorityError
	)
	return errors.As(err, &cert) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &host) ||
		errors.As(err, &signer) || strings.Contains(err.Error(), "tls: ")
}
