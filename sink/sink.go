package sink

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options are fixed for the life of a Sink; what it answers can be changed at any time with Set and its shorthands.
type Options struct {
	Status    int           // of every answer; 0 = 200
	Delay     time.Duration // before every answer
	FailEvery int           // every n-th request is answered 500; 0 = none

	Keep     int           // newest requests that Received returns; 0 = 1,024, negative = none: only counted
	KeepBody int           // first bytes of each body that are kept; 0 = 64 KiB
	Log      io.Writer     // one line per request, one write at a time; nil = none
	Seen     func(Request) // called for each request before it is answered, from many goroutines; nil = none
}

// Behavior says how a request is answered. The zero value is 200 at once.
type Behavior struct {
	Status     int           // 0 = 200
	Delay      time.Duration // before the answer, or before the fault
	FailEvery  int           // every n-th request of this behavior is answered 500 without the fault
	RetryAfter string        // as it stands in the header
	Header     http.Header   // further response headers
	Body       string        // of the answer
	Fault      Fault         // how the answer goes wrong, if it does
}

// Request is one request as it was received; the values are not written again.
type Request struct {
	Number int // from 1, in the order in which the bodies were complete
	ID     string
	Time   time.Time
	Method string
	Path   string // with the query
	Header http.Header
	Body   []byte   // the first Options.KeepBody bytes
	Size   int64    // of the whole body
	Hash   [32]byte // SHA-256 of the whole body
	Status int      // answered, 0 when the answer is a fault without one
}

// Sink is the handler. It is safe for concurrent use.
type Sink struct {
	opts    Options
	buffers sync.Pool
	logging sync.Mutex

	mu       sync.Mutex
	behave   map[string]Behavior // by path; "" is for all others
	seen     map[string]int      // requests by key of behave, for FailEvery
	choose   func(Request) Behavior
	kept     []Request // a ring of opts.Keep
	count    int
	open     int
	openMost int
	changed  chan struct{} // closed and replaced when a request was counted, if somebody waits
	waiting  bool
}

const (
	defaultKeep     = 1024
	defaultKeepBody = 64 << 10
)

// New makes a Sink; it holds no goroutine and needs no closing.
func New(o Options) *Sink {
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	if o.KeepBody <= 0 {
		o.KeepBody = defaultKeepBody
	}
	base := Behavior{Status: o.Status, Delay: o.Delay, FailEvery: o.FailEvery}
	s := &Sink{opts: o, behave: map[string]Behavior{"": base}, seen: map[string]int{}, changed: make(chan struct{})}
	s.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	return s
}

// Set makes requests for path behave like b from the next one on; path "" stands for all paths that have none.
func (s *Sink) Set(path string, b Behavior) { s.edit(path, func(old *Behavior) { *old = b }) }

// SetStatus changes the answer of all paths that have no behavior of their own.
func (s *Sink) SetStatus(status int) { s.edit("", func(b *Behavior) { b.Status = status }) }

// SetDelay changes the delay of all paths that have no behavior of their own.
func (s *Sink) SetDelay(d time.Duration) { s.edit("", func(b *Behavior) { b.Delay = d }) }

// FailEvery answers every n-th request 500 on all paths that have no behavior of their own; 0 ends that.
func (s *Sink) FailEvery(n int) { s.edit("", func(b *Behavior) { b.FailEvery = n }) }

// Choose lets f decide about each request, before all behaviors; nil ends that. f is called for one request at a time,
// in the order of their numbers, and must not call the Sink.
func (s *Sink) Choose(f func(Request) Behavior) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.choose = f
}

func (s *Sink) edit(path string, change func(*Behavior)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.behave[path]
	change(&b)
	s.behave[path] = b
}

// ServeHTTP reads the whole body, records the request and answers as told.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.enter(1)
	defer s.enter(-1)
	req := Request{ID: r.Header.Get("webhook-id"), Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header}
	if err := s.readBody(&req, r.Body); err != nil {
		return // a request that was cut off was not received
	}
	req.Time = time.Now()
	b := s.record(&req, r.URL.Path)
	if s.opts.Seen != nil {
		s.opts.Seen(req)
	}
	if s.opts.Log != nil {
		s.log(req)
	}
	if pause(r.Context(), b.Delay) != nil {
		return
	}
	answer(w, r, b)
}

func (s *Sink) log(req Request) {
	s.logging.Lock()
	defer s.logging.Unlock()
	_, _ = io.WriteString(s.opts.Log, req.line())
}

func (s *Sink) enter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.openMost = max(s.openMost, s.open)
}

// readBody hashes all of the body and keeps its beginning; when nobody could see them it only counts the bytes.
func (s *Sink) readBody(req *Request, body io.Reader) error {
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	look := s.opts.Keep > 0 || s.opts.Seen != nil
	h := sha256.New()
	for {
		n, err := body.Read(*buf)
		req.Size += int64(n)
		if look {
			_, _ = h.Write((*buf)[:n])
			req.Body = append(req.Body, (*buf)[:min(n, s.opts.KeepBody-len(req.Body))]...)
		}
		if err == io.EOF {
			h.Sum(req.Hash[:0])
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// record counts and keeps the request and says how to answer it.
func (s *Sink) record(req *Request, path string) Behavior {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	req.Number = s.count
	b := s.decide(*req, path)
	req.Status = b.answered()
	if s.opts.Keep > 0 {
		if len(s.kept) < s.opts.Keep {
			s.kept = append(s.kept, *req)
		} else {
			s.kept[(s.count-1)%s.opts.Keep] = *req
		}
	}
	if s.waiting {
		close(s.changed)
		s.changed, s.waiting = make(chan struct{}), false
	}
	return b
}

func (s *Sink) decide(req Request, path string) Behavior {
	if s.choose != nil {
		return s.choose(req)
	}
	b, ok := s.behave[path]
	if !ok {
		path, b = "", s.behave[""]
	}
	s.seen[path]++
	if b.FailEvery > 0 && s.seen[path]%b.FailEvery == 0 {
		b.Status, b.Fault = http.StatusInternalServerError, NoFault
	}
	return b
}

// Count is how many requests were received.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// InFlight is how many requests are being received or answered now, and how many it were at most.
func (s *Sink) InFlight() (now, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.openMost
}

// Received are the newest requests, at most Options.Keep, in their order.
func (s *Sink) Received() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count <= len(s.kept) || len(s.kept) == 0 {
		return slices.Clone(s.kept)
	}
	at := s.count % len(s.kept)
	return append(slices.Clone(s.kept[at:]), s.kept[:at]...)
}

// Reset forgets what was received and counts from 0; behaviors stay.
func (s *Sink) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept, s.count, s.openMost = nil, 0, s.open
}

// Wait returns when n requests were received in all, or with an error after within.
func (s *Sink) Wait(n int, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return s.WaitFor(ctx, func() bool { return s.Count() >= n })
}

// WaitFor returns when done is true; done is asked at once and after each request, and may call the Sink. It returns
// an error with the number of requests received when ctx ends first.
func (s *Sink) WaitFor(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.waiting = true
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("sink: %d requests received: %w", s.Count(), ctx.Err())
		}
	}
}

// line is the request for people: `12:04:05.123  #7  POST /jobs  6.7KB  webhook-id=dlv_…  -> 202`.
func (r Request) line() string {
	status := "no answer"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	id := ""
	if r.ID != "" {
		id = fmt.Sprintf("  webhook-id=%.64q", r.ID)
	}
	return fmt.Sprintf("%s  #%d  %s %.200q  %d bytes%s  -> %s\n",
		r.Time.Format("15:04:05.000"), r.Number, r.Method, r.Path, r.Size, id, status)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
