// Package event holds what flows through hookrouter: an Event that arrived, the Deliveries owed for it, the
// Attempts made, and the states between. It is pure data with its text forms: it stores nothing, decides nothing
// and imports nothing of ours, so that every other package can speak of the same things.
package event

import "time"

// Event is one verified request from a sender. Its bytes never change after it is made; it may be read by many
// goroutines, and must not be written after it was handed to the queue.
type Event struct {
	ID         EventID
	Source     string    // name in the rules
	Type       string    // what the sender calls it, "" when it does not say
	SenderID   string    // the sender's own delivery id, kept for search only
	ReceivedAt time.Time // UTC
	Method     string
	Path       string              // as received, without the query
	Query      string              // raw query, without "?"
	Header     map[string][]string // canonical names, as net/http gives them
	RemoteIP   string
	Body       []byte

	// DedupeKey names the event among those of its source, "" when events of this source are never the same.
	DedupeKey string
	// DedupeFor is how long after ReceivedAt an event with the same key counts as a duplicate.
	DedupeFor time.Duration

	// Parent is the event whose bytes a person edited to make this one; zero when it came from its sender.
	Parent EventID

	RulesHash string   // of the Set that matched it
	Marks     []string // what went wrong but did not stop it: `body: invalid JSON at byte 12`, `route "x": …`
}

// Coalesce says how deliveries of one route, destination and key become one. The zero value means not at all.
type Coalesce struct {
	Key  string        // empty: no coalescing
	Wait time.Duration // quiet time after the newest event
	Max  time.Duration // longest time after the first event; 0 means no bound
}

// Delivery is one event owed to one destination by one route.
type Delivery struct {
	ID          DeliveryID
	Event       EventID
	Route       string
	Destination string
	OrderKey    string // empty: no order
	Coalesce    Coalesce
	Created     time.Time
	Due         time.Time // not before
	Expires     time.Time // dead with ReasonExpired from here on
	State       State
	Reason      Reason
	Round       int // 0 for the first life, one more for each replay
	Attempts    int // counted attempts of this round
	Tries       int // all attempts of all rounds, counted or not: the number of the last one
	Lost        int // attempts that a crash cut off, their outcome unknown
	Merged      int // how many deliveries coalescing folded into this one
	// Successor is the delivery that superseded this one when Reason is ReasonCoalesced.
	Successor DeliveryID
	Updated   time.Time // time of the last record about it
	// Reply says whether a sender waits for the answer. It lasts until there is one, or nobody waits any more.
	Reply Reply
}

// Reply is how a delivery answers the sender of its event.
type Reply uint8

// A delivery that answers its sender is attempted at once, by who waits for the answer and nobody else.
const (
	NoReply      Reply = iota // nobody waits
	ReplyOnce                 // there is this one attempt: without an answer it is dead
	ReplyOrQueue              // without an answer it is tried again like any other
)

// Attempt is one try to hand a delivery to its destination.
type Attempt struct {
	Number    int // 1 for the first of the delivery's life; goes on over rounds
	Round     int
	Started   time.Time
	Duration  time.Duration
	Status    int    // HTTP status, 0 when there was none
	Error     string // operator's text when there was no usable answer; no secrets
	RulesHash string // of the Set that rendered it
	SentHash  string // hex SHA-256 of the body sent, "" when nothing was sent
	URL       string // where it went, secrets masked
	Answer    string // the first bytes of the response body, for people
	Result    string // short class for lists and metrics: ok, status, timeout, connect, dns, tls, rule_error, skipped, lost, …
}

// Outcome is what an attempt does to its delivery.
type Outcome struct {
	State   State     // Pending (try again at Due), Delivered, Dead or Canceled
	Due     time.Time // when State is Pending
	Reason  Reason    // when State is Dead or Canceled
	Detail  string    // operator's text beside the reason
	Counted bool      // counts towards retry.attempts and the backoff: not for probes, Retry-After holds and shutdown
}
