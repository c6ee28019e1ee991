package sink

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Fault is how an answer goes wrong.
type Fault int

// The faults. All but SlowBody and HugeBody end the connection.
const (
	NoFault        Fault = iota
	Hang                 // never answers; ends when the client goes away
	Reset                // the connection is reset after the request was received: its response is lost
	Close                // the connection is closed without an answer
	SlowHeader           // the status line comes one byte every 20 ms, without end
	SlowBody             // the body comes one byte every 20 ms, without end
	HugeBody             // a body without end, as fast as it is read
	EndlessHeaders       // header lines without end
	Informational        // 1,000 answers of 102 before the real one
	BadChunks            // a chunked body with a length that is none
	ShortBody            // a body shorter than its Content-Length
	Garbage              // bytes that are no HTTP
)

// answered is the status that the client can see.
func (b Behavior) answered() int {
	switch b.Fault {
	case Hang, Reset, Close, SlowHeader, EndlessHeaders, Garbage:
		return 0
	}
	if b.Status == 0 {
		return http.StatusOK
	}
	return b.Status
}

// drip is how long SlowHeader and SlowBody wait between bytes.
const drip = 20 * time.Millisecond

func answer(w http.ResponseWriter, r *http.Request, b Behavior) {
	for name, values := range b.Header {
		w.Header()[name] = values
	}
	if b.RetryAfter != "" {
		w.Header().Set("Retry-After", b.RetryAfter)
	}
	switch b.Fault {
	case NoFault:
		w.WriteHeader(b.answered())
		_, _ = io.WriteString(w, b.Body)
	case Hang:
		<-r.Context().Done()
	case SlowBody:
		w.WriteHeader(b.answered())
		endless(r.Context(), flushed{w}, "x", drip)
	case HugeBody:
		w.WriteHeader(b.answered())
		endless(r.Context(), w, strings.Repeat("huge ", 1000), 0)
	case Informational:
		for range 1000 {
			w.WriteHeader(http.StatusProcessing)
		}
		w.WriteHeader(b.answered())
	default:
		raw(w, b)
	}
}

// raw takes the connection away from net/http and misbehaves on it.
func raw(w http.ResponseWriter, b Behavior) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler) // HTTP/2: the nearest thing to a reset
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	switch b.Fault {
	case Reset:
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case SlowHeader:
		_, _ = io.WriteString(conn, "HTTP/1.1 200 ")
		endless(ctx, conn, "O", drip)
	case EndlessHeaders:
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d Odd\r\n", statusOr200(b))
		endless(ctx, conn, strings.Repeat("X-Endless: "+strings.Repeat("a", 100)+"\r\n", 10), 0)
	case BadChunks:
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d Odd\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n", statusOr200(b))
	case ShortBody:
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d Odd\r\nContent-Length: 1000\r\n\r\nshort", statusOr200(b))
	case Garbage:
		_, _ = io.WriteString(conn, "\x00\x01\x02 this is no HTTP\r\n\r\n")
		_, _ = bufio.NewReader(io.LimitReader(conn, 1)).ReadByte() // let it arrive before the close
	}
}

func statusOr200(b Behavior) int {
	if b.Status == 0 {
		return http.StatusOK
	}
	return b.Status
}

// endless writes piece for ever, every gap, until the reader is gone.
func endless(ctx context.Context, w io.Writer, piece string, gap time.Duration) {
	for pause(ctx, gap) == nil {
		if _, err := io.WriteString(w, piece); err != nil || ctx.Err() != nil {
			return
		}
	}
}

// flushed sends each write at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}
