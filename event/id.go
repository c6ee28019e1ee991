package event

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// EventID names an event; its text form is "evt_" and 26 characters that sort by time.
type EventID [16]byte

// DeliveryID names a delivery; its text form is "dlv_" and 26 characters that sort by time. It is the `webhook-id`
// that the destination sees, the same over all attempts and replays.
type DeliveryID [16]byte

const (
	eventPrefix    = "evt_"
	deliveryPrefix = "dlv_"
	textLen        = 26
)

// encoding is base32 in ASCII order, so that the text sorts as the bytes do.
var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewEventID makes an id for an event received at t.
func NewEventID(t time.Time) EventID { return EventID(newID(t)) }

// NewDeliveryID makes an id for a delivery created at t.
func NewDeliveryID(t time.Time) DeliveryID { return DeliveryID(newID(t)) }

// newID is 48 bits of milliseconds and 80 random bits, the layout of a ULID.
func newID(t time.Time) (id [16]byte) {
	_, _ = rand.Read(id[6:]) // never fails: crypto/rand ends the process instead
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
	copy(id[:6], ms[2:])
	return id
}

// ParseEventID is the inverse of String.
func ParseEventID(s string) (EventID, error) {
	id, err := parse(s, eventPrefix)
	return EventID(id), err
}

// ParseDeliveryID is the inverse of String.
func ParseDeliveryID(s string) (DeliveryID, error) {
	id, err := parse(s, deliveryPrefix)
	return DeliveryID(id), err
}

func parse(s, prefix string) (id [16]byte, err error) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || len(digits) != textLen {
		return id, fmt.Errorf("id %.40q is not %s and %d characters", s, prefix, textLen)
	}
	raw, err := encoding.DecodeString(digits)
	if err != nil {
		return id, fmt.Errorf("id %.40q: %w", s, err)
	}
	copy(id[:], raw)
	return id, nil
}

// String is the text form.
func (id EventID) String() string { return text(eventPrefix, id) }

// AppendText appends the text form.
func (id EventID) AppendText(b []byte) ([]byte, error) {
	return encoding.AppendEncode(append(b, eventPrefix...), id[:]), nil
}

// IsZero reports whether it was never set.
func (id EventID) IsZero() bool { return id == EventID{} }

// Time is when the id was made, to the millisecond, in UTC.
func (id EventID) Time() time.Time { return timeOf(id) }

// Compare orders ids by time, then by their random part.
func (id EventID) Compare(other EventID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText writes the text form.
func (id EventID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *EventID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseEventID(string(b))
	return err
}

// String is the text form.
func (id DeliveryID) String() string { return text(deliveryPrefix, id) }

// IsZero reports whether it was never set.
func (id DeliveryID) IsZero() bool { return id == DeliveryID{} }

// Time is when the id was made, to the millisecond, in UTC.
func (id DeliveryID) Time() time.Time { return timeOf(id) }

// MarshalText writes the text form.
func (id DeliveryID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *DeliveryID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseDeliveryID(string(b))
	return err
}

// text is made in one allocation: ids are written for each attempt.
func text(prefix string, id [16]byte) string {
	var b [len(eventPrefix) + textLen]byte
	encoding.Encode(b[copy(b[:], prefix):], id[:])
	return string(b[:])
}

func timeOf(id [16]byte) time.Time {
	var ms [8]byte
	copy(ms[2:], id[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))).UTC()
}
