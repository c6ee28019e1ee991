package history

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// ErrCursor means that a cursor is not one that a page gave.
var ErrCursor = errors.New("cursor is not valid")

// cursor is the place in a list where a page ended. It names positions and ids, so it outlives rebuilds.
type cursor struct {
	carried bool
	id      [16]byte // carried: of the last one listed; zero at the start
	pos     uint64   // of the last row seen; 0 at the start
	n       uint32   // its number among the rows of that position
}

// String is "" for the zero cursor: the start, or nothing more.
func (c cursor) String() string {
	if c == (cursor{}) {
		return ""
	}
	var b []byte
	if c.carried {
		b = append(append(b, 'c'), c.id[:]...)
	} else {
		b = binary.BigEndian.AppendUint64(append(b, 'm'), c.pos)
		b = binary.BigEndian.AppendUint32(b, c.n)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 {
		return c, ErrCursor
	}
	switch {
	case b[0] == 'm' && len(b) == 13:
		c.pos, c.n = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:])
	case b[0] == 'c' && len(b) == 17:
		c.carried = true
		copy(c.id[:], b[1:])
	default:
		return c, ErrCursor
	}
	return c, nil
}

// before reports whether a carried row of id comes after the cursor in the list.
func (c *cursor) before(id [16]byte) bool {
	return c.id == [16]byte{} || bytes.Compare(id[:], c.id[:]) < 0
}
