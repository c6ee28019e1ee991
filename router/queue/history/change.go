package history

import "github.com/hookrouter/hookrouter/event"

// Kind says what a Change does.
type Kind uint8

// The kinds of Change.
const (
	NewEvent    Kind = iota + 1 // Event is a new row
	NewDelivery                 // Delivery is a new row
	SetDelivery                 // the row (Delivery.EventPos, Delivery.ID) takes over state, counts, Updated
	NoteEvent                   // the row (Event.Pos, Event.ID): Duplicates more, Added when not 0
)

// Change is what one record of the log does to one row. It holds no pointers and no text.
type Change struct {
	Kind Kind
	// At is the position of the record. Changes are applied in order of At; those at or below the watermark are
	// known and ignored.
	At uint64
	// Carried: the new row is from a `carried` record, and listed last.
	Carried bool
	// Was is, of a carried row, the position that held its event before, 0 when there was none: the old row is
	// hidden.
	Was uint64

	Event    Event
	Delivery Delivery
}

// Event is the row of an event.
type Event struct {
	ID         event.EventID
	Pos        uint64 // of the record that holds it
	Added      uint64 // of the last record that added deliveries to it; 0 when none did
	Source     Hash
	Type       Hash
	Sender     Hash  // of the sender's id
	Received   int64 // milliseconds since 1970
	Size       uint32
	Duplicates uint32 // in NoteEvent: how many more
	Deliveries uint16 // made with it: their rows follow its own
	Marks      bool
	Unmatched  bool // no route matched
}

// Delivery is the row of a delivery.
type Delivery struct {
	ID          event.DeliveryID
	Pos         uint64 // of the record that made it (of the carried one, when carried)
	EventPos    uint64 // of the record that holds its event; Pos unless it was added later
	Previous    uint64 // of the event's previous addition; 0 when this was the first or it was not added
	Last        uint64 // of the last record about it
	Source      Hash   // of its event; 0 in a Change: taken from the event's row
	Type        Hash   // as Source
	Route       Hash
	Destination Hash
	Updated     int64 // milliseconds since 1970
	State       event.State
	Reason      event.Reason
	Round       uint16
	Attempts    uint16
	Tries       uint16
	Status      uint16 // of the last attempt, 0 when there was none
}

// Hash stands for a text in a row. Different texts may share one: the record decides.
type Hash uint64

// HashOf is FNV-1a in 64 bits; the hash of "" is 0.
func HashOf(s string) Hash {
	if s == "" {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return Hash(h)
}
