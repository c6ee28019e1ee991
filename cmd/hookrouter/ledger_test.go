package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

const ledgerSecret = "whsec_a_secret_of_the_ledger_tests"

// ledger knows what was sent, what was acknowledged and what arrived, and so what was lost.
type ledger struct {
	mu      sync.Mutex
	sent    map[string][32]byte // by the sender's id: hash of the body
	acked   map[string]bool
	arrived map[string]int
	wrong   []string // deliveries whose body is not what was sent

	accepted atomic.Int64
}

func newLedger() *ledger {
	return &ledger{sent: map[string][32]byte{}, acked: map[string]bool{}, arrived: map[string]int{}}
}

// receive notes a delivery; it is the sink's Seen.
func (l *ledger) receive(r sink.Request) {
	id := idOf(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived[id]++
	if hash, ok := l.sent[id]; !ok || hash != r.Hash {
		l.wrong = append(l.wrong, id)
	}
}

func idOf(body []byte) string {
	var b struct{ ID string }
	_ = json.Unmarshal(body, &b) // a body that is no JSON has no id and so is wrong
	return b.ID
}

// faults lists everything that must not be. lost is how many attempts the server says were cut off without a result.
func (l *ledger) faults(lost int) (faults []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing, extra := 0, 0
	for id := range l.acked {
		if l.arrived[id] == 0 {
			missing++
		}
	}
	for _, n := range l.arrived {
		extra += n - 1
	}
	if missing > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d acknowledged events never arrived", missing, len(l.acked)))
	}
	if len(l.wrong) > 0 {
		faults = append(faults, fmt.Sprintf("%d deliveries have other bytes than were sent, %s first", len(l.wrong), l.wrong[0]))
	}
	if extra > lost {
		faults = append(faults, fmt.Sprintf("%d deliveries too many, %d attempts were cut off", extra, lost))
	}
	return faults
}

func (l *ledger) count() (sent, acked, arrived int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent), len(l.acked), len(l.arrived)
}

// senders are many clients, each of which sends an event again, with the same id, until it is acknowledged.
type senders struct {
	*ledger
	url    string
	verify *verify.Verifier
	http   *http.Client
	pace   *rate.Limiter
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// startSenders starts n clients of the stripe source at addr that make at most perSecond new events together.
func startSenders(t testing.TB, l *ledger, addr string, n int, perSecond float64) *senders {
	t.Helper()
	v, err := verifierOf("stripe", ledgerSecret)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := &senders{
		ledger: l, url: "http://" + addr + "/in/stripe", verify: v, stop: stop,
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: n}},
		pace: rate.NewLimiter(rate.Limit(perSecond), n),
	}
	for i := range n {
		s.done.Go(func() { s.client(ctx, i) })
	}
	t.Cleanup(s.end)
	return s
}

func (s *senders) end() {
	s.stop()
	s.done.Wait()
	s.http.CloseIdleConnections()
}

func (s *senders) client(ctx context.Context, number int) {
	for i := 0; s.pace.Wait(ctx) == nil; i++ {
		id := fmt.Sprintf("evt_%d_%d", number, i)
		body := fmt.Appendf(nil, `{"id":%q,"type":"invoice.paid","created":%d,"pad":%q}`,
			id, i, strings.Repeat("x", rand.IntN(4000)))
		s.mu.Lock()
		s.sent[id] = sha256.Sum256(body)
		s.mu.Unlock()
		for !s.post(ctx, id, body) {
			if !wait(ctx, 5*time.Millisecond) {
				return
			}
		}
	}
}

// post sends the event once and reports whether it was acknowledged.
func (s *senders) post(ctx context.Context, id string, body []byte) bool {
	r := &verify.Request{Method: http.MethodPost, URL: s.url, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
	if err := s.verify.Sign(r, time.Now()); err != nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header = r.Header
	resp, err := s.http.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return false
	}
	s.mu.Lock()
	s.acked[id] = true
	s.mu.Unlock()
	s.accepted.Add(1)
	return true
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// settle waits until nothing is pending and gives how many attempts were cut off without a result.
func settle(t testing.TB, api *client.Client, limit time.Duration) (lost int) {
	t.Helper()
	eventually(t, limit, "nothing pending", func() bool {
		status, err := api.Status(t.Context())
		return err == nil && status.Queue.Pending == 0
	})
	everyDelivery(t, api, func(d client.Delivery) {
		if d.State != event.Delivered && d.State != event.Canceled {
			t.Errorf("delivery %s is %s (%s), want delivered", d.ID, d.State, d.Reason)
		}
		lost += d.Lost
	})
	return lost
}

// everyDelivery walks the whole list.
func everyDelivery(t testing.TB, api *client.Client, f func(client.Delivery)) {
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
