package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/hookrouter/hookrouter/router/admin"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/dirs"
	"github.com/hookrouter/hookrouter/router/queue/journal"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify/keyfetch"
)

// Options of a Router. The rules file is everything that can change while it runs; these cannot.
type Options struct {
	RulesFile       string       // path, or "-" for standard input
	Listen          string       // address for senders; port 0 picks one
	TLSCert, TLSKey string       // files with the certificate chain and key for senders, PEM; both empty: no TLS
	TLSClientCA     string       // file with the authorities, one of which must have signed a sender's certificate, PEM; empty: none is asked for
	MaxConnections  int          // of senders, at one time; 0: 4,096, or half of the open files that the process may have
	ProxyProtocol   bool         // every sender's connection comes from a trusted proxy and begins with a PROXY header
	Admin           string       // address of the admin API; port 0 picks one
	PublicSocket    net.Listener // open already, as a service manager hands it over: used in place of Listen
	AdminSocket     net.Listener // the same in place of Admin; both are closed with the Router
	Data            string       // directory for everything that must survive; made when missing
	Drain           time.Duration
	DrainDelay      time.Duration
	MaxPending      int // deliveries held at most, pending and dead; 0 means the queue's default
	StrictRules     bool
	AllowUnverified bool
	LockWait        time.Duration               // how long New waits for another process to leave the data directory; 0: not at all
	AdminTokenFile  string                      // holds what every client of the admin API must send, and is followed; without one it listens on loopback only
	AdminHosts      []string                    // names that the admin API answers to, beside localhost and any address
	TrustedProxies  []netip.Prefix              // those whose X-Forwarded-For is believed
	Egress          Egress                      // to which addresses attempts may connect; see NewEgress
	KeyTransport    http.RoundTripper           // fetches the keys that senders publish; nil: straight, and to public addresses only
	Env             func(string) (string, bool) // for ${VAR} in the rules; nil means os.LookupEnv
	Version         string
	Logger          *slog.Logger // nil discards
}

// Egress says to which addresses attempts may connect; the zero value is all but link-local and metadata addresses.
type Egress = deliver.Egress

// NewEgress makes the policy for Options.Egress. Its mode is any (all addresses), private or public; allow are exceptions
// from the latter two. Link-local and metadata addresses are refused whatever it says.
func NewEgress(mode string, allow []netip.Prefix) (Egress, error) {
	return deliver.NewEgress(mode, allow)
}

// Router is one server: it accepts, stores and delivers by one rules file. New opens everything, Run serves.
type Router struct {
	o        Options
	log      *slog.Logger
	registry *prometheus.Registry
	keys     *keyfetch.Client
	rules    *loader
	journal  *journal.Log
	queue    *queue.Queue
	ingest   *ingest.Ingest
	deliver  *deliver.Deliverer
	admin    http.Handler
	started  time.Time
	caveat   string // what the data directory cannot promise

	certificate *certificate // nil without TLS
	token       *token       // nil when nobody is asked for one
	crowd       *crowd

	publicListener, adminListener net.Listener

	alerts *alerter

	serving chan struct{} // closed when both listeners are served
	pulse   pulse
}

// New loads the rules, opens the data directory and starts to listen; nothing is served before Run. What it opened is
// closed again when it fails. Errors: rules.Faults, a data directory in use, addresses in use.
func New(ctx context.Context, o Options) (_ *Router, err error) {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Router{
		o: o, log: o.Logger, registry: prometheus.NewRegistry(), started: time.Now(), serving: make(chan struct{}),
		publicListener: o.PublicSocket, adminListener: o.AdminSocket,
	}
	r.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(o.Version))
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := clockIsSet(time.Now()); err != nil {
		return nil, err
	}
	if o.ProxyProtocol && len(o.TrustedProxies) == 0 {
		return nil, errors.New("--proxy-protocol: nobody is trusted to send it: --trusted-proxies CIDR,…")
	}
	if r.certificate, err = openCertificate(o.TLSCert, o.TLSKey, o.TLSClientCA, o.Logger); err != nil {
		return nil, err
	}
	if r.token, err = openToken(o.AdminTokenFile, o.Logger); err != nil {
		return nil, err
	}
	if err := dirs.Make(o.Data); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if r.caveat = caveat(o.Data); r.caveat != "" {
		r.log.Warn(r.caveat)
	}
	if err := r.loadRules(); err != nil {
		return nil, err
	}
	if err := r.openQueue(ctx); err != nil {
		return nil, err
	}
	if err := r.wire(); err != nil {
		return nil, err
	}
	return r, r.listen(ctx)
}

// clockIsSet refuses the time of a machine that does not know it: it would take old signatures for fresh ones, and give
// ids and deadlines of long ago.
func clockIsSet(now time.Time) error {
	if now.Year() < 2025 {
		return fmt.Errorf("the clock says %s: set it, or start after its synchronization (systemd: After=time-sync.target)", now.UTC().Format(time.DateOnly))
	}
	return nil
}

func (r *Router) loadRules() (err error) {
	if r.keys, err = newKeys(r.o.KeyTransport); err != nil {
		return err
	}
	r.rules = &loader{
		file: r.o.RulesFile,
		options: rules.Options{
			Env: r.o.Env, PublicLoopback: r.publicLoopback(), AllowUnverified: r.o.AllowUnverified,
			Fetch: r.keys,
		},
		kept:    keeper{dir: filepath.Join(r.o.Data, "rules")},
		log:     r.log,
		metrics: newReloadMetrics(r.registry),
		toKeep:  make(chan *rules.Set, 1),
	}
	return r.rules.start(r.o.StrictRules)
}

func (r *Router) openQueue(ctx context.Context) (err error) {
	if r.journal, err = r.openJournal(ctx); err != nil {
		return err
	}
	r.queue, err = queue.Open(ctx, r.journal, queue.Options{
		Dir: filepath.Join(r.o.Data, "state"), Bodies: filepath.Join(r.o.Data, "bodies"),
		Mark: filepath.Join(r.o.Data, "rehearsal"), MaxPending: r.o.MaxPending, Logger: r.log,
	})
	return err
}

// wire makes the three rooms and gives each what it needs of the others.
func (r *Router) wire() (err error) {
	live := r.rules.live.Load
	r.ingest, err = ingest.New(ingest.Options{
		Queue: r.queue, Rules: live, Logger: r.log, Registerer: r.registry, TrustedProxies: r.o.TrustedProxies,
		Confirm: r.keys.Confirm, Reply: func(ctx context.Context, c queue.Claim, arrived time.Time) ingest.Reply {
			return ingest.Reply(r.deliver.Reply(ctx, c, arrived))
		},
	})
	if err != nil {
		return err
	}
	r.deliver, err = deliver.New(deliver.Options{
		Queue: r.queue, Rules: live, Drain: r.o.Drain, Egress: r.o.Egress, Logger: r.log, Registerer: r.registry,
	})
	if err != nil {
		return err
	}
	r.rules.onLive = r.applyRules
	r.applyRules()
	r.alerts = newAlerter(r.queue, r.deliver, r.rules, r.log)
	r.admin, err = admin.New(admin.Options{
		Queue: r.queue, Deliver: r.deliver, Ingest: r.ingest, Rules: live,
		Reload: func(context.Context) error { return r.Reload() }, Status: r.rules.status, Draft: r.rules.draft, Ready: r.ready,
		Checks: r.checks, Token: r.token.get(), Hosts: r.o.AdminHosts,
		Gatherer: r.registry, Registerer: r.registry, Logger: r.log, Version: r.o.Version, Started: r.started,
		Caveat: r.caveat,
	})
	return err
}

// applyRules hands the Set that went live to those that hold something of it. It cannot fail.
func (r *Router) applyRules() {
	r.queue.SetRetention(queue.Retention(r.rules.live.Load().Retention()))
	r.deliver.Reload()
}

// Reload reads the rules file now. The error says why the old rules stay: rules.Faults, or what made the
// file unreadable. Safe for concurrent use.
func (r *Router) Reload() error { return r.rules.reload() }

// close releases what New opened, in the reverse order.
func (r *Router) close() {
	for _, ln := range []net.Listener{r.adminListener, r.publicListener} {
		if ln != nil {
			_ = ln.Close()
		}
	}
	if r.journal != nil {
		_ = r.journal.Close()
	}
}
