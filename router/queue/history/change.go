package history

import "github.com/hookrouter/hookrouter/event"

// Kind says what a Change does.
type Kind uint8

// The kinds of Change.
const (
	NewEvent    Kind = iota + 1 // Event is a new row
	NewDelivery                 // Delivery is a new row
	SetDelivery                 // the row (Delivery.EventPos, Delivery.ID) takes over what can change in one
	NoteEvent                   // the event's row at Event.Pos: Duplicates more, Added when it is not 0
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
	Pos        uint64 // of the record that holds it; At in NewEvent
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
	Pos         uint64 // of the record that made it (of the carried one, when carried); At in NewDelivery
	EventPos    uint64 // of the record that holds its event; in NewDelivery 0 means At
	Previous    uint64 // of the event's previous addition; 0 when this was the first or it was not added
	Source      Hash   // of its event; in NewDelivery 0 means as in the event's row, for Type too
	Type        Hash
	Route       Hash
	Destination Hash

	// The rest can change. The counts end at 65,535, Lost at 255; they may be old while it is pending: memory has them.
	Last      uint64 // of the last record about it that names the one before
	Successor uint64 // of the record that made the delivery which superseded it, 0 when none did
	Updated   int64  // milliseconds since 1970
	State     event.State
	Reason    event.Reason
	Round     uint16
	Attempts  uint16
	Tries     uint16
	Merged    uint16
	Lost      uint8
}

// Count fits n in a row.
func Count(n int) uint16 { return uint16(min(max(n, 0), 1<<16-1)) }

// Hash stands for a text in a row. Different texts may share one: the record decides. Rows keep but half of those of
// source, route and destination, so what is read back is not what was applied.
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
