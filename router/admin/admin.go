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
	// Status says which rules are in force and how the last reload went; nil tells only the hash.
	Status func() client.Rules
	// Ready is nil when events can be taken, and otherwise says why not. A nil Ready is always ready.
	Ready func() error
	// Gatherer is what /metrics shows; nil answers 404 there. Registerer gets the metrics of queue and destinations;
	// nil registers none.
	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	// Logger gets the causes that clients are not told; nil discards them.
	Logger *slog.Logger
	// Version is the program's own.
	Version string
	// Started is when the process began; zero means now.
	Started time.Time
	// Hosts are names that requests may be addressed to, beside localhost and any IP address. Others are refused:
	// a web page must not reach this API through a name of its own that resolves to it.
	Hosts []string
}

// New makes the handler of the admin listener. The error is the Registerer's or names what is missing.
func New(o Options) (http.Handler, error) {
	if o.Queue == nil || o.Deliver == nil || o.Ingest == nil || o.Rules == nil {
		return nil, errors.New("admin: Options.Queue, Deliver, Ingest and Rules are required")
	}
	return http.NotFoundHandler(), nil
}

// Health serves /healthz and /readyz alone, for the public listener. ready may be nil.
func Health(ready func() error) http.Handler { return http.NotFoundHandler() }
