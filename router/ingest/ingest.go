package ingest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// Options of an Ingest. Queue and Rules are required.
type Options struct {
	Queue *queue.Queue
	// Rules gives the Set in force; it is asked once per request.
	Rules func() *rules.Set
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// Registerer gets the metrics; nil registers none.
	Registerer prometheus.Registerer
	// BytesInFlight bounds the bytes of bodies held at one time, from their arrival to the answer; 0 means 64 MiB.
	// What does not fit is answered 503.
	BytesInFlight int64
	// Requests bounds the requests whose body is there and whose answer is not; 0 means 2048. While there are so many,
	// others are answered 503 before their body is read. Who sends slowly takes no place among them.
	Requests int64
	// AckTimeout is how long an event may take to become durable before the sender is told to come again; 0 means 5 s.
	AckTimeout time.Duration
	// BodyTimeout is how long a body may take to arrive, from its headers to its last byte; 0 means 15 s.
	BodyTimeout time.Duration
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Reply gives the answer of its destination for the sender of an event, who waits since arrived. It takes no longer than
	// that destination may, and ends the claim; nil: nobody answers, and the event is acknowledged like any.
	Reply func(ctx context.Context, c queue.Claim, arrived time.Time) Reply
	// Confirm fetches an address by which a sender learns that its events are wanted; nil: such handshakes fail.
	Confirm func(address string) error
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.BytesInFlight == 0 {
		o.BytesInFlight = 64 << 20
	}
	if o.Requests == 0 {
		o.Requests = 2048
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = 5 * time.Second
	}
	if o.Reply == nil {
		o.Reply = func(_ context.Context, c queue.Claim, _ time.Time) Reply {
			o.Queue.Abandon(c, "nobody answers here")
			return Reply{}
		}
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = 15 * time.Second
	}
	return o
}

// Ingest takes events from senders: it is the handler of the public listener. It must see request paths as they came:
// a ServeMux in front of it would redirect some of them. It is safe for concurrent use.
type Ingest struct {
	opts     Options
	budget   budget
	chunks   sync.Pool // of *chunk
	bodies   bodies
	answers  answers
	log      sampled
	running  atomic.Int64 // requests whose body is there
	draining atomic.Bool
	sources  sync.Map // name -> *sourceStats; "" is for paths that no source has
	metrics  metrics
	learned  sync.Map // source -> *learned
	armed    sync.Map // source -> time.Time until which it may take a secret
}

// New makes an Ingest. It panics when its metrics are registered already, as prometheus does.
func New(o Options) (*Ingest, error) {
	if o.Queue == nil || o.Rules == nil {
		return nil, errors.New("ingest: Options.Queue and Options.Rules are required")
	}
	in := &Ingest{opts: o.withDefaults(), answers: newAnswers(), metrics: newMetrics()}
	in.budget.max = in.opts.BytesInFlight
	in.chunks.New = func() any { return new(chunk) }
	in.log = newSampled(in.opts.Logger)
	if o.Registerer != nil {
		if err := o.Registerer.Register(in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// ServeHTTP answers one request, whatever happens.
func (in *Ingest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{in: in, w: w, r: r}
	defer c.end()
	if no := c.accept(); no != nil {
		c.refuse(no)
	}
}

// Drain says that this process is about to stop. Events are still accepted, while Draining turns readiness off and
// each answer asks the sender to connect anew.
func (in *Ingest) Drain() { in.draining.Store(true) }

// Draining reports whether Drain was called.
func (in *Ingest) Draining() bool { return in.draining.Load() }

// BytesInFlight is how many bytes of bodies are held now.
func (in *Ingest) BytesInFlight() int64 { return in.budget.used.Load() }
