// Package keyfetch gets the public keys that senders publish, and the addresses by which they confirm a subscription. It
// asks only by https, follows no redirect, bounds time and size, asks once for all who wait, and keeps what it got: an
// answer that is due for renewal goes on being used while a new one is fetched behind it. Which hosts may be asked is
// decided before, by the scheme: see verify.Fetcher. It knows no keys, only bytes.
package keyfetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	timeout   = 4 * time.Second // of one request, whole; senders wait 10 s and less
	maxAnswer = 256 << 10       // bytes
	maxKept   = 512             // answers; the least used one goes first

	renewAfter = time.Hour        // an answer older than this is renewed while it is used
	useUntil   = 24 * time.Hour   // an answer older than this is not used any more
	freshFor   = time.Minute      // who asks for a fresh answer gets one that is not older than this
	failFor    = 10 * time.Second // so long nobody asks again after a failure
)

// Client fetches. It is safe for concurrent use.
type Client struct {
	http  *http.Client
	kept  *lru.Cache[string, *answer]
	group singleflight.Group
	now   func() time.Time
}

// answer is what an address gave, or why it gave nothing.
type answer struct {
	mu     sync.Mutex
	data   []byte
	at     time.Time // of data
	err    error     // of the last try, nil when it went well
	failed time.Time // when that was
}

// New makes a Client that asks through transport, which bounds where connections may go; nil means http.DefaultTransport.
func New(transport http.RoundTripper) *Client {
	kept, _ := lru.New[string, *answer](maxKept) // fails only for a size under 1
	return &Client{
		kept: kept, now: time.Now,
		http: &http.Client{
			Transport: transport, Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Fetch implements verify.Fetcher.
func (c *Client) Fetch(address string, body []byte, fresh bool) ([]byte, error) {
	key := keyOf(address, body)
	a, known := c.kept.Get(key)
	if known {
		if data, err, done := a.use(c.now(), fresh); done {
			return data, err
		}
		if data := a.stale(c.now()); data != nil && !fresh {
			go func() { _, _ = c.renew(key, address, body) }()
			return data, nil
		}
	}
	return c.renew(key, address, body)
}

// use gives what is known when that is new enough: an answer, or a failure that was just now.
func (a *answer) use(now time.Time, fresh bool) (data []byte, err error, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := renewAfter
	if fresh {
		limit = freshFor
	}
	switch {
	case a.data != nil && now.Sub(a.at) < limit:
		return a.data, nil, true
	case a.err != nil && now.Sub(a.failed) < failFor && (a.data == nil || now.Sub(a.at) >= useUntil):
		return nil, a.err, true
	case a.err != nil && now.Sub(a.failed) < failFor:
		return a.data, nil, true
	}
	return nil, nil, false
}

// stale gives an answer that is due for renewal and may still be used.
func (a *answer) stale(now time.Time) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.at) < useUntil {
		return a.data
	}
	return nil
}

// renew asks once for all who wait, and keeps what comes. A failure leaves an answer that may still be used in its place.
func (c *Client) renew(key, address string, body []byte) ([]byte, error) {
	got, err, _ := c.group.Do(key, func() (any, error) {
		data, err := c.ask(address, body)
		a, known := c.kept.Get(key)
		if !known {
			a = &answer{}
			c.kept.Add(key, a)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.err = err; err != nil {
			a.failed = c.now()
			if a.data != nil && c.now().Sub(a.at) < useUntil {
				return a.data, nil
			}
			return nil, err
		}
		a.data, a.at = data, c.now()
		return data, nil
	})
	if err != nil {
		return nil, err
	}
	return got.([]byte), nil
}

// ask sends one request.
func (c *Client) ask(address string, body []byte) ([]byte, error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		method, content = http.MethodPost, bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, content)
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s: only https is asked", address)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "hookrouter")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", address, err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered %s", address, resp.Status)
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("%s: more than %d bytes", address, maxAnswer)
	case len(data) == 0:
		return nil, fmt.Errorf("%s: %w", address, errors.New("empty"))
	}
	return data, nil
}

// Confirm asks for an address once, by which a sender learns that we want its events. Nothing is kept of it.
func (c *Client) Confirm(address string) error {
	_, err := c.ask(address, nil)
	return err
}

// keyOf names an answer; a body may hold a secret, so only its hash is kept.
func keyOf(address string, body []byte) string {
	if body == nil {
		return address
	}
	sum := sha256.Sum256(body)
	return address + " " + string(sum[:])
}
