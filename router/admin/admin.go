package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// Options of the admin handler. Queue, Deliver, Ingest and Rules are required.
type Options struct {
	Queue   *queue.Queue
	Deliver *deliver.Deliverer
	Ingest  *ingest.Ingest
	// Rules gives the Set in force.
	Rules func() *rules.Set
	// Reload reads the rules file now. When it is refused the error is, or wraps, rules.Faults where there are any.
	// nil answers 501.
	Reload func(ctx context.Context) error
	// Draft parses rules that are not live, to try them on paper: the main file first, then what it includes. nil
	// answers 501.
	Draft func(files []rules.File) (*rules.Set, error)
	// Status says which rules are in force and how the last reload went; nil tells what the Set knows.
	Status func() client.Rules
	// Ready is nil when events can be taken, and otherwise says why not. A nil Ready is always ready.
	Ready func() error
	// Checks are the parts of Ready, for /readyz?verbose; nil shows Ready alone.
	Checks func() []Check
	// Gatherer is what /metrics shows; nil answers 404 there. Registerer gets the metrics of queue and destinations;
	// nil registers none.
	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	// Logger gets what people changed, and the causes that clients are not told; nil discards both.
	Logger *slog.Logger
	// Caveat is what the data directory cannot promise; "" when there is nothing to say.
	Caveat string
	// Version is the program's own.
	Version string
	// Started is when the process began; zero means now.
	Started time.Time
	// Token gives what must come as a bearer token with every request but those for health; nil asks for none.
	Token func() string
	// Hosts are names that requests may be addressed to, beside localhost and any IP address. Others are refused:
	// a web page must not reach this API through a name of its own that resolves to it.
	Hosts []string
}

// Check is one thing that readiness depends on: Err says why it is not as it must be, Note how it is otherwise.
type Check struct {
	Name, Note string
	Err        error
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Started.IsZero() {
		o.Started = time.Now()
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Checks == nil {
		o.Checks = func() []Check { return []Check{{Name: "ready", Note: "yes", Err: o.Ready()}} }
	}
	return o
}

// api holds what the handlers need. It keeps no state of its own but the number of open streams.
type api struct {
	opts     Options
	streams  chan struct{} // one element for each open stream
	planning chan struct{} // one element while a plan is made
}

// New makes the handler of the admin listener. The error is the Registerer's, or names what is missing. Streams end
// with the context of their request: the server's BaseContext must end before it is shut down.
func New(o Options) (http.Handler, error) {
	if o.Queue == nil || o.Deliver == nil || o.Ingest == nil || o.Rules == nil {
		return nil, errors.New("admin: Options.Queue, Deliver, Ingest and Rules are required")
	}
	a := &api{opts: o.withDefaults(), streams: make(chan struct{}, maxStreams), planning: make(chan struct{}, 1)}
	if o.Registerer != nil {
		if err := o.Registerer.Register(newCollector(o.Queue, o.Deliver)); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.Handle(r.pattern, r.handler)
	}
	return a.guard(withProblems(mux)), nil
}

// route is one pattern of the API and who answers it.
type route struct {
	pattern string
	handler http.Handler
}

func (a *api) routes() []route {
	return []route{
		{"GET /healthz", a.raw(healthz)},
		{"GET /readyz", a.raw(a.readyz)},
		{"GET /metrics", a.metrics()},
		{"GET /api/v1/status", a.json(a.status)},
		{"GET /api/v1/events", a.json(a.events)},
		{"GET /api/v1/events/{id}", a.json(a.event)},
		{"GET /api/v1/events/{id}/body", a.raw(a.body)},
		{"POST /api/v1/events/{id}/replay", a.json(a.replayEvent)},
		{"POST /api/v1/replay", a.json(a.bulkReplay)},
		{"POST /api/v1/drop", a.json(a.bulkDrop)},
		{"GET /api/v1/dead", a.json(a.dead)},
		{"GET /api/v1/deliveries", a.json(a.deliveries)},
		{"GET /api/v1/deliveries/{id}", a.json(a.delivery)},
		{"POST /api/v1/deliveries/{id}/replay", a.json(a.replayDelivery)},
		{"POST /api/v1/deliveries/{id}/cancel", a.json(a.cancelDelivery)},
		{"POST /api/v1/deliveries/{id}/drop", a.json(a.dropDelivery)},
		{"GET /api/v1/destinations", a.json(a.destinations)},
		{"POST /api/v1/destinations/{name}/pause", a.json(a.act("paused", a.opts.Deliver.Pause))},
		{"POST /api/v1/destinations/{name}/resume", a.json(a.act("resumed", a.opts.Deliver.Resume))},
		{"POST /api/v1/destinations/{name}/probe", a.json(a.act("probed", a.opts.Deliver.Probe))},
		{"GET /api/v1/sources", a.json(a.sources)},
		{"GET /api/v1/sources/{name}", a.json(a.source)},
		{"POST /api/v1/sources/{name}/arm", a.json(a.arm)},
		{"GET /api/v1/routes", a.json(a.listRoutes)},
		{"GET /api/v1/rules", a.json(a.rules)},
		{"POST /api/v1/rules/reload", a.json(a.reload)},
		{"POST /api/v1/explain", a.json(a.explain)},
		{"POST /api/v1/plan", a.json(a.plan)},
		{"GET /api/v1/stream", a.raw(a.stream)},
	}
}

// changed tells the operator's log what a person did.
func (a *api) changed(r *http.Request, what, name string) {
	a.opts.Logger.InfoContext(r.Context(), what, "name", name, "remote", r.RemoteAddr)
}
