package client

import (
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Page is one page of a list. Next is the cursor of the page after it, "" when there is none; a page may be short,
// even empty, and still have a next one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	// Rebuilding says that history is being made anew from the log, so older items may be missing for now.
	Rebuilding bool `json:"rebuilding,omitempty"`
}

// Event is one line in the list of events.
type Event struct {
	ID         event.EventID `json:"id"`
	Source     string        `json:"source"`
	Type       string        `json:"type,omitempty"`
	SenderID   string        `json:"sender_id,omitempty"`
	ReceivedAt time.Time     `json:"received_at"`
	// Parent is the event of which an operator made this one, with other bytes: no sender has proved them.
	Parent     event.EventID `json:"parent,omitzero"`
	Size       int           `json:"size"`                 // bytes of the body
	Duplicates int           `json:"duplicates,omitempty"` // how often it came again
	Matched    int           `json:"matched"`              // deliveries made of it, 0 when no route wanted it
	Pending    int           `json:"pending,omitempty"`
	Delivered  int           `json:"delivered,omitempty"`
	Dead       int           `json:"dead,omitempty"`
	Canceled   int           `json:"canceled,omitempty"`
	Marked     bool          `json:"marked,omitempty"` // something went wrong while it was matched; Marks of the detail say what
}

// EventDetail is all that is kept of an event, except its body.
type EventDetail struct {
	Event
	Method    string      `json:"method"`
	Path      string      `json:"path"`
	Query     string      `json:"query,omitempty"`
	Header    http.Header `json:"headers"` // values that carry a secret are masked
	RemoteIP  string      `json:"remote_ip,omitempty"`
	DedupeKey string      `json:"dedupe_key,omitempty"`
	RulesHash string      `json:"rules_hash,omitempty"`
	Marks     []string    `json:"marks,omitempty"`
	// Deliveries come with their attempts.
	Deliveries []DeliveryDetail `json:"deliveries"`
}

// Delivery is one event owed to one destination by one route.
type Delivery struct {
	ID          event.DeliveryID `json:"id"`
	Event       event.EventID    `json:"event"`
	Source      string           `json:"source,omitempty"`
	Type        string           `json:"type,omitempty"`
	Route       string           `json:"route"`
	Destination string           `json:"destination"`
	State       event.State      `json:"state"`
	Reason      string           `json:"reason,omitempty"`
	Detail      string           `json:"detail,omitempty"` // beside the reason
	Parked      bool             `json:"parked,omitempty"` // pending, and its route or destination is not in the rules now
	Created     time.Time        `json:"created"`
	Updated     time.Time        `json:"updated,omitzero"`
	Due         time.Time        `json:"due,omitzero"`
	Expires     time.Time        `json:"expires,omitzero"`
	Round       int              `json:"round,omitempty"`
	Attempts    int              `json:"attempts"` // counted ones of this round
	Tries       int              `json:"tries"`    // all of all rounds
	Lost        int              `json:"lost,omitempty"`
	LastStatus  int              `json:"last_status,omitempty"`
	LastError   string           `json:"last_error,omitempty"`
	OrderKey    string           `json:"order_key,omitempty"`
	CoalesceKey string           `json:"coalesce_key,omitempty"`
	Merged      int              `json:"merged,omitempty"` // how many deliveries were folded into this one
	Group       string           `json:"group,omitempty"`  // of a dead one: the DeadGroup that it belongs to
	// Successor is the delivery that took this one's place, when Reason is "coalesced".
	Successor event.DeliveryID `json:"successor,omitzero"`
}

// DeliveryDetail is a delivery with its attempts, newest last.
type DeliveryDetail struct {
	Delivery
	History []Attempt `json:"history"`
	Omitted int       `json:"omitted,omitempty"` // older attempts that History leaves out
}

// Attempt is one try to hand a delivery to its destination.
type Attempt struct {
	Number    int       `json:"number"`
	Round     int       `json:"round,omitempty"`
	Started   time.Time `json:"started"`
	Seconds   float64   `json:"seconds"`
	Result    string    `json:"result"` // ok, status, timeout, connect, egress, …
	Status    int       `json:"status,omitempty"`
	Error     string    `json:"error,omitempty"`
	URL       string    `json:"url,omitempty"`
	RulesHash string    `json:"rules_hash,omitempty"`
	SentHash  string    `json:"sent_sha256,omitempty"`
	Answer    string    `json:"answer,omitempty"` // the first bytes of the response body
}

// Change says what a replay of an event did to its deliveries.
type Change struct {
	Event    event.EventID `json:"event"`
	Parent   event.EventID `json:"parent,omitzero"` // Event is new, and made of this one
	Added    int           `json:"added"`           // new deliveries
	Replayed int           `json:"replayed"`        // final ones that went back to pending
	Kept     int           `json:"kept"`            // ones that were pending anyway
	Marks    []string      `json:"marks,omitempty"` // what went wrong while it was matched again
}

// DeadGroup is dead deliveries that died of the same thing.
type DeadGroup struct {
	Group       string    `json:"group"` // a fingerprint of the next four
	Destination string    `json:"destination"`
	Route       string    `json:"route"`
	Reason      string    `json:"reason"`
	Class       string    `json:"error_class,omitempty"` // of their last attempts: a status, or timeout, connect, …
	Count       int       `json:"count"`
	First       time.Time `json:"first_dead"`
	Last        time.Time `json:"last_dead"`

	// The last one of them, and how its last attempt ended.
	Example event.DeliveryID `json:"example"`
	Event   event.EventID    `json:"example_event"`
	Detail  string           `json:"detail,omitempty"` // beside the reason
	Status  int              `json:"last_status,omitempty"`
	Error   string           `json:"last_error,omitempty"`
	Answer  string           `json:"answer,omitempty"` // the first 4 KiB of the response body, without secrets
}

// Bulk is what one step of a bulk action did. It is over when Next is empty.
type Bulk struct {
	Matched int    `json:"matched"`        // by the filter, in this step
	Done    int    `json:"done"`           // replayed or dropped
	Kept    int    `json:"kept,omitempty"` // were as they should be already
	Failed  int    `json:"failed,omitempty"`
	Error   string `json:"error,omitempty"` // of the first that failed
	Next    string `json:"next,omitempty"`  // cursor of the next step; the same as before when this one has to be made again
}

// Destination is where deliveries go, with what its lane does now.
type Destination struct {
	Name   string `json:"name"`
	URL    string `json:"url,omitempty"` // secrets masked
	Parked bool   `json:"parked"`        // not in the rules now: its deliveries wait for it to return

	Breaker      string    `json:"breaker"` // closed, open or half-open
	BreakerSince time.Time `json:"breaker_since,omitzero"`
	NextProbe    time.Time `json:"next_probe,omitzero"` // when an open breaker lets the next attempt through
	Hold         time.Time `json:"hold,omitzero"`       // it asked to be left alone until then
	Paused       bool      `json:"paused"`              // until a person resumes it
	PausedSince  time.Time `json:"paused_since,omitzero"`
	Gone         bool      `json:"gone,omitempty"` // it answered 410 and so is paused: another URL ends that, too

	InFlight    int     `json:"in_flight"`             // attempts that run
	Concurrency int     `json:"concurrency,omitempty"` // most attempts at once
	Ramp        int     `json:"ramp,omitempty"`        // most attempts at once now, while the lane is starting
	Rate        float64 `json:"rate,omitempty"`        // most attempts a second, 0 when unbounded

	Pending int       `json:"pending"`
	Aside   int       `json:"aside,omitempty"` // of these: their route is not in the rules now
	Due     int       `json:"due"`
	Dead    int       `json:"dead"`
	Oldest  time.Time `json:"oldest_pending,omitzero"` // when the oldest pending delivery was created
	NextDue time.Time `json:"next_due,omitzero"`

	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
}

// Source is who may call us.
type Source struct {
	Name       string           `json:"name"`
	Path       string           `json:"path"`
	Preset     string           `json:"preset,omitempty"`
	Methods    []string         `json:"methods"`
	MaxBody    int64            `json:"max_body"`           // bytes
	Unverified bool             `json:"unverified"`         // anybody may call it, from allow_ip when there is one
	AllowIP    []string         `json:"allow_ip,omitempty"` // as in the rules file
	Limit      *SourceLimit     `json:"limit,omitempty"`
	Results    map[string]int64 `json:"results"` // answers since the process started: accepted, duplicate, refused, …
	LastEvent  time.Time        `json:"last_event,omitzero"`
	Learns     bool             `json:"learns,omitempty"`     // its sender gives the secret by a handshake
	ArmedUntil time.Time        `json:"armed_until,omitzero"` // until then it may take a new one
}

// SourceLimit is what a source may send, and how much of it is used now.
type SourceLimit struct {
	Concurrency int   `json:"concurrency,omitempty"` // requests at a time; 0: no bound
	Running     int64 `json:"running"`
	// Rate is verified requests per second, 0: no bound; Burst of them are taken at once, Left of them now.
	Rate  float64 `json:"rate,omitempty"`
	Burst int     `json:"burst,omitempty"`
	Left  int     `json:"left"`
}

// SourceDetail is a source with the requests it refused lately, newest first.
type SourceDetail struct {
	Source
	Refusals []Refusal `json:"refusals"`
}

// Refusal is a request that was turned away. It is kept in memory only, without its body.
type Refusal struct {
	At         time.Time   `json:"at"`
	Status     int         `json:"status"`
	Reason     string      `json:"reason"`
	Method     string      `json:"method"`
	RemoteIP   string      `json:"remote_ip,omitempty"`
	Header     http.Header `json:"headers"` // values that could be secret are masked
	BodyLength int64       `json:"body_length"`
	BodySHA256 string      `json:"body_sha256,omitempty"` // "" when the body was not read to its end
}

// Route is one rule: which events go where.
type Route struct {
	Name    string   `json:"name"`
	From    []string `json:"from"`
	When    string   `json:"when,omitempty"`
	To      []string `json:"to,omitempty"`
	Stop    bool     `json:"stop,omitempty"`
	Enabled bool     `json:"enabled"`
}

// Rules is what the rules file says now and how its last reload went.
type Rules struct {
	Hash     string    `json:"hash"` // of the Set in force
	File     string    `json:"file"`
	LoadedAt time.Time `json:"loaded_at"` // when the Set in force went live
	// OK is false when the file as it stands now is not what is in force; Error and Faults say why.
	OK        bool      `json:"ok"`
	CheckedAt time.Time `json:"checked_at,omitzero"` // when the file was last looked at for a reload
	Error     string    `json:"error,omitempty"`
	Faults    []Fault   `json:"faults,omitempty"`
	Warnings  []Fault   `json:"warnings,omitempty"`
}

// Fault is one thing wrong in a rules file. Line and Col count from 1; 0 when unknown.
type Fault struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
	Source  string `json:"source,omitempty"` // the line itself
	Code    string `json:"code,omitempty"`   // of a warning
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Status is the state of the whole server in one answer.
type Status struct {
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Now      time.Time `json:"now"`
	Ready    bool      `json:"ready"`
	NotReady string    `json:"not_ready,omitempty"`
	Rules    Rules     `json:"rules"`
	Queue    Queue     `json:"queue"`
	Log      Log       `json:"log"`
	Sources  int       `json:"sources"`
	Routes   int       `json:"routes"`
	// Destinations that are in the rules or still have deliveries.
	Destinations []Destination `json:"destinations"`
}

// Queue is how much is waiting.
type Queue struct {
	Pending    int       `json:"pending"`
	Dead       int       `json:"dead"`
	MaxPending int       `json:"max_pending"` // bounds pending and dead together
	Oldest     time.Time `json:"oldest_pending,omitzero"`
	Position   uint64    `json:"position,string"` // of the last record applied
}

// Log is the state of the engine below the queue.
type Log struct {
	Bytes    int64  `json:"bytes"`
	Free     int64  `json:"free"`            // bytes; -1 when unknown
	Short    int64  `json:"short,omitempty"` // bytes that old records leave early because little room is left
	Damaged  int64  `json:"damaged"`
	Refusing string `json:"refusing,omitempty"` // why no events are taken now: the disk fails, is full or hangs
	Caveat   string `json:"caveat,omitempty"`   // what the data directory cannot promise, such as one in memory
}

// Update is one step of the live stream: an event was stored, an attempt started, or a delivery changed.
type Update struct {
	ID   string    `json:"id"`   // given to Stream it goes on behind this step
	Kind string    `json:"kind"` // event, attempt or delivery
	At   time.Time `json:"at"`

	Event    *Event    `json:"event,omitempty"`
	Delivery *Delivery `json:"delivery,omitempty"`
	Attempt  *Attempt  `json:"attempt,omitempty"`
}

// Problem is the body of every error answer (RFC 9457).
type Problem struct {
	Type   string  `json:"type,omitempty"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Faults []Fault `json:"faults,omitempty"` // of a rules file that was refused
}
