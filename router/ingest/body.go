package ingest

import (
	"errors"
	"io"
	"math/bits"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// believed is what memory is taken for before any byte of a body is there: with as many connections as there may be,
	// less than the budget.
	believed = 4 << 10
	// exactUpTo is the largest Content-Length that is believed once so many bytes are.
	exactUpTo = 16 << 10
	chunkSize = 32 << 10
)

type chunk [chunkSize]byte

var errNoBudget = errors.New("no budget for the body")

// budget bounds the bytes of all bodies that are held. It never waits.
type budget struct {
	max  int64
	used atomic.Int64
}

func (b *budget) take(n int64) bool {
	for {
		used := b.used.Load()
		if used+n > b.max {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) { // adding first would refuse others for bytes that nobody gets
			return true
		}
	}
}

func (b *budget) release(n int64) { b.used.Add(-n) }

// bodies is memory for small bodies. A call gives back what it took when it ends: by then an event is its record, which
// is a copy, and nothing else may refer to a body. Sizes are powers of two, so that no small body holds a large piece.
type bodies [5]sync.Pool // of *[]byte: 1, 2, 4, 8, 16 KiB

const smallestBody = 1 << 10

func (b *bodies) get(n int) *[]byte {
	size, i := smallestBody, 0
	for size < n {
		size, i = 2*size, i+1
	}
	if m, ok := b[i].Get().(*[]byte); ok {
		return m
	}
	m := make([]byte, size)
	return &m
}

func (b *bodies) put(m *[]byte) {
	b[bits.Len(uint(len(*m)/smallestBody))-1].Put(m)
}

// readBody reads the whole body or fails; a prefix is never taken for the whole. Errors: *http.MaxBytesError,
// errNoBudget, os.ErrDeadlineExceeded, io.ErrUnexpectedEOF and those of the connection.
func (c *call) readBody(limit int64) error {
	declared := c.r.ContentLength
	switch {
	case declared > limit:
		return &http.MaxBytesError{Limit: limit}
	case declared == 0:
		return nil
	}
	// net/http takes the deadline away again at the end of the body. An error means that the connection knows no
	// deadlines, as in a test without one.
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(c.in.opts.BodyTimeout))
	if c.barred != "" { // read as any other, so that the answer tells nothing, and not kept
		_, err := io.Copy(io.Discard, http.MaxBytesReader(c.w, c.r.Body, limit))
		return err
	}
	switch {
	case declared > exactUpTo || declared < 0:
		return c.readLarge(http.MaxBytesReader(c.w, c.r.Body, limit), declared)
	case declared > believed:
		return c.readLarge(c.r.Body, declared)
	}
	return c.readExact(nil, int(declared))
}

// readLarge believes more once a first piece is there.
func (c *call) readLarge(r io.Reader, declared int64) error {
	if !c.hold(believed) {
		return errNoBudget
	}
	memory := c.in.bodies.get(believed)
	defer c.in.bodies.put(memory)
	first := (*memory)[:believed]
	n, err := fill(r, first)
	switch {
	case errors.Is(err, io.EOF):
		c.keep(join(first[:n], nil, n))
		return nil
	case err != nil:
		return err
	case declared > 0 && declared <= exactUpTo:
		return c.readExact(first, int(declared))
	}
	return c.readChunks(first, r)
}

// readExact reads n bytes of which the first are there.
func (c *call) readExact(first []byte, n int) error {
	if !c.hold(int64(n) - c.held) {
		return errNoBudget
	}
	c.memory = c.in.bodies.get(n)
	c.body = (*c.memory)[:n]
	_, err := io.ReadFull(c.r.Body, c.body[copy(c.body, first):])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// readChunks takes memory as bytes arrive, so that a sender who only claims to send much costs little, and copies
// them together at the end.
func (c *call) readChunks(first []byte, r io.Reader) error {
	var chunks []*chunk
	defer func() {
		for _, ch := range chunks {
			c.in.chunks.Put(ch)
		}
	}()
	for size := len(first); ; {
		if !c.hold(chunkSize) {
			return errNoBudget
		}
		ch := c.in.chunks.Get().(*chunk)
		chunks = append(chunks, ch)
		n, err := fill(r, ch[:])
		size += n
		if errors.Is(err, io.EOF) {
			c.keep(join(first, chunks, size))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// keep takes body as the whole one, and gives back what was held beyond it.
func (c *call) keep(body []byte) {
	c.body = body
	c.in.budget.release(c.held - int64(len(body)))
	c.held = int64(len(body))
}

// fill reads until p is full. Unlike io.ReadFull it leaves io.EOF as it is: net/http says io.EOF only at the true end
// of a body, and io.ErrUnexpectedEOF when the body was cut.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

func join(first []byte, chunks []*chunk, size int) []byte {
	body := append(make([]byte, 0, size), first...)
	for _, ch := range chunks {
		body = append(body, ch[:min(chunkSize, size-len(body))]...)
	}
	return body
}

func (c *call) hold(n int64) bool {
	if !c.in.budget.take(n) {
		return false
	}
	c.held += n
	return true
}
