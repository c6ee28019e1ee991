package rig

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/verify"
)

// Verifier signs and verifies as a preset does.
func Verifier(preset, secret string) (*verify.Verifier, error) {
	p, ok := verify.Lookup(preset)
	if !ok {
		return nil, fmt.Errorf("unknown preset %q", preset)
	}
	return verify.New(p.Verify, verify.Keys{Secrets: []string{secret}})
}

// Senders are many clients, each of which sends an event again, with the same id, until it is acknowledged.
type Senders struct {
	*Ledger
	url    string
	verify *verify.Verifier
	http   *http.Client
	pace   *rate.Limiter
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// StartSenders starts n clients of the stripe source at addr that make at most perSecond new events together.
func StartSenders(t testing.TB, l *Ledger, addr string, n int, perSecond float64) *Senders {
	t.Helper()
	return StartSendersTo(t, l, "http://"+addr+"/in/stripe", n, perSecond)
}

// StartSendersTo does the same for another source of stripe's kind.
func StartSendersTo(t testing.TB, l *Ledger, url string, n int, perSecond float64) *Senders {
	t.Helper()
	v, err := Verifier("stripe", Secret)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := &Senders{
		Ledger: l, url: url, verify: v, stop: stop,
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: n}},
		pace: rate.NewLimiter(rate.Limit(perSecond), n),
	}
	for i := range n {
		s.done.Go(func() { s.client(ctx, i) })
	}
	t.Cleanup(s.End)
	return s
}

// End stops the senders and waits for them.
func (s *Senders) End() {
	s.stop()
	s.done.Wait()
	s.http.CloseIdleConnections()
}

func (s *Senders) client(ctx context.Context, number int) {
	for i := 0; s.pace.Wait(ctx) == nil; i++ {
		id := fmt.Sprintf("evt_%d_%d", number, i)
		body := fmt.Appendf(nil, `{"id":%q,"type":"invoice.paid","created":%d,"pad":%q}`,
			id, i, strings.Repeat("x", rand.IntN(s.Pad)))
		s.mu.Lock()
		s.sent[id] = sha256.Sum256(body)
		s.mu.Unlock()
		for !s.post(ctx, id, body) {
			if !Wait(ctx, 5*time.Millisecond) {
				return
			}
		}
	}
}

// post sends the event once and reports whether it was acknowledged.
func (s *Senders) post(ctx context.Context, id string, body []byte) bool {
	r := &verify.Request{Method: http.MethodPost, URL: s.url, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
	if err := s.verify.Sign(r, time.Now()); err != nil {
		return false
	}
	a, err := Post(ctx, s.http, r)
	return err == nil && s.answer(id, a)
}

// Answer is what a sender is told.
type Answer struct {
	Status     int
	RetryAfter string
}

// Post sends a request as it is, to its URL.
func Post(ctx context.Context, c *http.Client, r *verify.Request) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	req.Header = r.Header
	resp, err := c.Do(req)
	if err != nil {
		return Answer{}, err
	}
	return Answer{resp.StatusCode, resp.Header.Get("Retry-After")}, resp.Body.Close()
}

// Settle waits until nothing is pending and gives how many attempts were cut off without a result.
func Settle(t testing.TB, api *client.Client, limit time.Duration) (lost int) {
	t.Helper()
	nothingPending(t, api, limit)
	EveryDelivery(t, api, func(d client.Delivery) {
		if d.State != event.Delivered && d.State != event.Canceled {
			t.Errorf("delivery %s is %s (%s), want delivered", d.ID, d.State, d.Reason)
		}
		lost += d.Lost
	})
	return lost
}

// nothingPending waits. A request whose sender has given up may still become an event, so nothing is pending when the list
// says so, too.
func nothingPending(t testing.TB, api *client.Client, limit time.Duration) {
	t.Helper()
	Eventually(t, limit, "nothing pending", func() bool {
		status, err := api.Status(t.Context())
		if err != nil || status.Queue.Pending > 0 {
			return false
		}
		pending := false
		EveryDelivery(t, api, func(d client.Delivery) { pending = pending || d.State == event.Pending })
		return !pending
	})
}

// EveryDelivery walks the whole list.
func EveryDelivery(t testing.TB, api *client.Client, f func(client.Delivery)) {
	t.Helper()
	filter := client.Filter{Limit: 1000}
	for {
		page, err := api.Deliveries(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			f(d)
		}
		if page.Next == "" {
			return
		}
		filter.Cursor = page.Next
	}
}
