package rules

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

// Set is what a rules file says, with those that it includes. It never changes after Parse made it and is safe for concurrent use.
type Set struct {
	files    []File // the main one first
	hash     string
	watched  []string
	unset    []string
	warnings []Fault

	sources      map[string]*Source
	sourceList   []*Source
	byPath       map[string]*Source
	destinations map[string]*Destination
	destList     []*Destination
	routes       map[string]*Route
	routeList    []*Route
	retention    Retention
	alerts       Alerts
	tests        []*test

	envs sync.Pool // of *lang.Env: only memory
}

// Source is who may call us. Its fields must not be written.
type Source struct {
	Name       string
	Path       string             // absolute, unique in the Set
	Preset     string             // "" when the source declares everything itself
	Verifier   *verify.Verifier   // nil when Unverified
	Handshakes []verify.Handshake // answered by verify.Answer before anything else
	Methods    []string           // upper case
	MaxBody    int64              // bytes
	Respond    Respond
	Reject     bool // an event that no route matched is answered 404 and not stored
	Unverified bool // `verify: none`
	Limit      SourceLimit
	AllowIP    []Range // who may call, see Allows; nil: everybody

	// Learn makes a Verifier of a secret that the sender gave by a handshake; nil unless the source has none and its
	// sender gives one. Until then nothing is proved, and Verifier is nil.
	Learn func(secret string) (*verify.Verifier, error)

	routes        []*Route    // enabled ones, in the order of the file
	index         *lang.Index // of their conditions
	readsBody     bool        // something in them looks into the body
	idents        identity
	secretHeaders []string // canonical; never passed on
	params        []verify.Param
}

// Range is one or more addresses in a row.
type Range struct {
	Prefix netip.Prefix
	Text   string // as in the file
}

// SourceLimit bounds what a source may send.
type SourceLimit struct {
	Concurrency int     // requests at a time, 0: no bound
	Rate        float64 // verified requests per second, 0: no bound
	Burst       int     // verified requests at once, when there were none for a while
}

// Respond is the answer to a stored event. The zero value means the server's own.
type Respond struct {
	Status  int // 0, or 200 to 299
	Headers map[string]string
	Body    []byte // nil: the server's own; empty: none
	Refused int    // status for a request that is not proved; 0: 401
}

// Destination is where deliveries go. Its fields must not be written.
type Destination struct {
	Name      string
	URL       string // as in the file, secrets masked: for people
	Templated bool   // the URL holds `$()`, so it is more than one place
	Method    string // upper case
	Timeout   time.Duration
	Retry     Retry
	Breaker   Breaker
	Limit     Limit
	OAuth2    *OAuth2       // how a token is got for each attempt; nil: none is needed
	TLS       *TLS          // nil: the defaults
	Success   Answers       // what counts as delivered
	Delay     time.Duration // from accept until the first attempt

	window time.Duration // the longest quiet time of the routes that lead here
	order  *lang.Program // the key in whose order deliveries are made; nil: none

	out        outgoing
	signers    []signing
	authorized bool   // auth sets the header Authorization
	hidden     []text // beside what stands in requests: what no answer may show
}

// Retry says when a delivery is tried again and for how long.
type Retry struct {
	Backoff    time.Duration // the first one; doubles
	MaxBackoff time.Duration
	MaxAge     time.Duration   // from accept
	Attempts   int             // 0: no bound
	Schedule   []time.Duration // the pauses, one after each attempt, instead of Backoff; when all are over it is given up
	On         Answers         // what is tried again
}

// Breaker says when a destination is left alone: after so many failures in a row, or when so many of its answers are
// failures. At least one of Failures and Ratio is set.
type Breaker struct {
	Failures int           // in a row; 0: they are not counted
	Ratio    float64       // of failures among the answers of Window, above 0 to 1; 0: not looked at
	Min      int           // answers in Window below which Ratio says nothing
	Window   time.Duration // what Ratio looks back on
	Cooldown time.Duration
	Probes   int // successes that close it again
}

// Limit bounds what a destination gets.
type Limit struct {
	Concurrency int     // attempts at a time, at least 1
	Rate        float64 // attempts per second, 0: no bound
}

// Route says which events go where. Its fields must not be written.
type Route struct {
	Name    string
	From    []string // names of sources; ["*"] for all
	To      []string // names of destinations; empty for a filter
	When    string   // as written, "" for always
	Stop    bool
	Enabled bool

	spec routeSpec
}

// Hash is the SHA-256, in hex, of the file and of the files it takes values from.
func (s *Set) Hash() string { return s.hash }

// File is the file as it was given.
func (s *Set) File() File { return s.files[0] }

// Files are the file and all that it includes, as they were read.
func (s *Set) Files() []File { return s.files }

// Watched are the paths of `include:` and of `${file:}`, sorted, each once: a change in one of them is a change of the
// rules.
func (s *Set) Watched() []string { return s.watched }

// Unset are the references that have no value here, as they are written, sorted, each once: of a Set on paper only.
func (s *Set) Unset() []string { return s.unset }

// Warnings are what is allowed but should be looked at, in the order of their places.
func (s *Set) Warnings() []Fault { return s.warnings }

// Source gives the source of that name.
func (s *Set) Source(name string) (*Source, bool) { x, ok := s.sources[name]; return x, ok }

// SourceByPath gives the source whose path is exactly this one.
func (s *Set) SourceByPath(path string) (*Source, bool) { x, ok := s.byPath[path]; return x, ok }

// Sources are all sources in the order of the file.
func (s *Set) Sources() []*Source { return s.sourceList }

// Destination gives the destination of that name.
func (s *Set) Destination(name string) (*Destination, bool) {
	x, ok := s.destinations[name]
	return x, ok
}

// Destinations are all destinations in the order of the file.
func (s *Set) Destinations() []*Destination { return s.destList }

// Route gives the route of that name.
func (s *Set) Route(name string) (*Route, bool) { x, ok := s.routes[name]; return x, ok }

// Routes are all routes in the order of the file, which is the order of matching.
func (s *Set) Routes() []*Route { return s.routeList }

// Has reports whether a delivery of this route to this destination may be attempted now. Otherwise it is parked: the
// route or destination is gone, or the route is disabled or no longer names the destination.
func (s *Set) Has(route, destination string) bool {
	return s.path(route, destination) != nil
}
