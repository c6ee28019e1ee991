package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/rules"
)

const (
	// keepRefusals is how many refusals of one source are kept.
	keepRefusals = 50
	// noticePerSecond is how many refusals of one source are looked at in a second: of a flood, the list is a sample.
	noticePerSecond = 100
	// keepHeaders bounds the headers kept of one refusal.
	keepHeaders = 64
)

// Refusal is a request that was turned away. It lives in memory only; its body is not kept.
type Refusal struct {
	At         time.Time
	Status     int    // what the sender was answered
	Reason     string // for the operator
	Method     string
	RemoteIP   string
	Header     http.Header // values that could be a secret are masked, long ones cut
	BodyLength int64       // as read, else as declared; -1 when unknown
	BodySHA256 string      // hex; "" when the body was not read to its end
}

// Refusals are the latest 50 of a source, newest first; of a flood, some. The name "" stands for all paths that no source has.
func (in *Ingest) Refusals(source string) []Refusal {
	if s, ok := in.sources.Load(source); ok {
		return s.(*sourceStats).refusals.list()
	}
	return nil
}

// ring keeps the last few refusals.
type ring struct {
	mu   sync.Mutex
	kept []Refusal
	next int // where the next one goes once kept is full

	second  time.Time // its begin
	noticed int       // since then
}

// wants reports whether one more is to be kept. It saves the work of a flood, in which nobody reads them all.
func (g *ring) wants(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.second) >= time.Second {
		g.second, g.noticed = now, 0
	}
	g.noticed++
	return g.noticed <= noticePerSecond
}

func (g *ring) add(r Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.kept) < keepRefusals {
		g.kept = append(g.kept, r)
		return
	}
	g.kept[g.next] = r
	g.next = (g.next + 1) % keepRefusals
}

func (g *ring) list() []Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Refusal, 0, len(g.kept))
	for i := range g.kept {
		out = append(out, g.kept[(g.next+len(g.kept)-1-i)%len(g.kept)])
	}
	return out
}

func (c *call) remember(no *refusal) Refusal {
	r := Refusal{
		At:         time.Now().UTC().Round(0),
		Status:     no.status,
		Reason:     clip(no.reason),
		Method:     clip(c.r.Method),
		RemoteIP:   c.remoteIP(),
		BodyLength: c.r.ContentLength,
		Header:     clipHeader(rules.Mask(c.r.Header, c.secretHeaders())),
	}
	if c.bodyRead && c.barred == "" {
		sum := sha256.Sum256(c.body)
		r.BodyLength, r.BodySHA256 = int64(len(c.body)), hex.EncodeToString(sum[:])
	}
	return r
}

func (c *call) secretHeaders() []string {
	if c.source == nil || c.source.Verifier == nil {
		return nil
	}
	return c.source.Verifier.SecretHeaders()
}

// clipHeader cuts what would keep much memory alive.
func clipHeader(h http.Header) http.Header {
	out := make(http.Header, min(len(h), keepHeaders))
	for name, values := range h {
		if len(out) == keepHeaders {
			break
		}
		short := make([]string, min(len(values), 4))
		for i := range short {
			short[i] = clip(values[i])
		}
		out[clip(name)] = short
	}
	return out
}

// sampled logs refusals, but not every one of a flood.
type sampled struct {
	logger  *slog.Logger
	limiter *rate.Limiter
	left    *atomic.Int64 // not logged since the last one that was
}

func newSampled(l *slog.Logger) sampled {
	return sampled{logger: l, limiter: rate.NewLimiter(10, 20), left: new(atomic.Int64)}
}

func (s sampled) refused(c *call, no *refusal) {
	if !s.limiter.Allow() {
		s.left.Add(1)
		return
	}
	level, text := slog.LevelWarn, "request refused"
	if no.status >= http.StatusInternalServerError {
		level, text = slog.LevelError, "event not accepted"
	}
	s.logger.LogAttrs(context.WithoutCancel(c.r.Context()), level, text,
		slog.String("source", c.sourceName()), slog.Int("status", no.status), slog.String("reason", clip(no.reason)),
		slog.String("remote_ip", c.remoteIP()), slog.Int("body_length", len(c.body)), slog.Int64("not_logged", s.left.Swap(0)))
}
