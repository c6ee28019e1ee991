package router_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rotating has a secret that its file names, and perhaps the one before.
const rotating = `
version: 1
sources: { in: { preset: stripe, secret: [%s] } }
destinations: { a: http://SINK/a }
routes: [{ name: r, from: in, to: a }]
`

// TestSecretRotation: with the old secret and the new one in the rules both count, so that senders can change over at
// any time; without the old one it counts no more. Nobody who signs with a secret of the rules is ever refused.
func TestSecretRotation(t *testing.T) {
	t.Parallel()
	secret := func(n int) string { return fmt.Sprintf("the secret number %04d of the sender", n) }
	s := &storm{house: prepare(t)}
	use := func(secrets ...string) {
		s.write(s.rules(fmt.Sprintf(rotating, `"`+strings.Join(secrets, `", "`)+`"`)))
	}
	use(secret(0))
	s.run()
	var current atomic.Int64 // the newest that senders use
	var flying sync.RWMutex  // held by who sends
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				flying.RLock()
				status, body, err := s.event(0, secret(int(current.Load())))
				flying.RUnlock()
				if s.sent.Add(1); err != nil || status != http.StatusAccepted {
					s.failed.Add(1)
					t.Logf("%d %s %v", status, body, err)
				}
			}
		})
	}
	reload := func() {
		t.Helper()
		if _, err := s.api.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 20; n++ {
		use(secret(n), secret(n-1))
		reload()
		for _, both := range []int{n, n - 1} {
			if status, _, err := s.event(0, secret(both)); err != nil || status != http.StatusAccepted {
				t.Errorf("rotation %d: secret %d is answered %d, %v", n, both, status, err)
			}
		}
		current.Store(int64(n))
		flying.Lock()   // nobody sends with the old one any more
		flying.Unlock() //nolint:staticcheck // see above
		use(secret(n))
		reload()
		if status, _, err := s.event(0, secret(n-1)); err != nil || status != http.StatusUnauthorized {
			t.Errorf("rotation %d: the old secret is answered %d, %v", n, status, err)
		}
	}
	close(stop)
	all.Wait()
	if s.failed.Load() > 0 {
		t.Errorf("%d of %d were refused with a secret of the rules", s.failed.Load(), s.sent.Load())
	}
}

// TestCertificateStorm: certificates change under connections that each carry one event. None is refused, and a new
// handshake shows the new pair within a second.
func TestCertificateStorm(t *testing.T) {
	t.Parallel()
	changes := 10
	if os.Getenv("HOOKROUTER_LONG") != "" {
		changes = 50
	}
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("pair-0"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	var done, failed atomic.Int64
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		all.Go(func() {
			c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := c.Post("https://"+r.Addr()+"/in/open", "text/plain", strings.NewReader("x"))
				if done.Add(1); err != nil || resp.StatusCode != http.StatusAccepted {
					failed.Add(1)
					t.Log(resp, err)
				}
				if err == nil {
					_ = resp.Body.Close()
				}
			}
		})
	}
	for i := range changes {
		name := fmt.Sprintf("pair-%d", i+1)
		p.write(p.make(name))
		h.eventually(2*time.Second, name+" is shown", func() bool { return shown(t, r.Addr()) == name })
	}
	close(stop)
	all.Wait()
	t.Logf("%d connections, %d changes", done.Load(), changes)
	if failed.Load() > 0 {
		t.Errorf("%d of %d connections failed", failed.Load(), done.Load())
	}
}
