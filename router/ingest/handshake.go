package ingest

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

const (
	learnedNote = "secret/" // and the source's name: the secret that a sender gave by a handshake
	armedFor    = 10 * time.Minute

	diagnoseEvery = 10 * time.Second
	maxDiagnosed  = 256 << 10 // bytes of a body
)

// learned is a Verifier made of a secret that the sender gave.
type learned struct {
	source   *rules.Source
	secret   string
	verifier *verify.Verifier
}

func (l *learned) isOf(source *rules.Source, secret string) bool {
	return l.source == source && subtle.ConstantTimeCompare([]byte(l.secret), []byte(secret)) == 1
}

// mayShake reports whether a handshake of the source has the request's method.
func (c *call) mayShake() bool {
	return slices.ContainsFunc(c.source.Handshakes, func(h verify.Handshake) bool {
		return cmp.Or(h.Match.Method, http.MethodPost) == c.r.Method
	})
}

// verify returns the answer to a handshake, or nil when the request is an event.
func (c *call) verify() (*verify.Reply, *refusal) {
	if c.barred != "" {
		if !slices.Contains(c.source.Methods, c.r.Method) {
			return nil, errMethod()
		}
		return nil, &refusal{badAddress, c.refusedStatus(), c.barred}
	}
	c.r.Header["Host"] = []string{c.r.Host} // net/http takes it out
	req := &verify.Request{Method: c.r.Method, URL: c.r.URL.RequestURI(), Header: c.r.Header, Body: c.body}
	verifier, err := c.in.Verifier(c.source)
	if err == nil && !c.source.Unverified {
		err = verifier.Verify(req, c.arrived)
	}
	if len(c.source.Handshakes) > 0 {
		if reply, ok := verify.Answer(c.source.Handshakes, req, verifier, err == nil); ok {
			return reply, nil
		}
		if !slices.Contains(c.source.Methods, c.r.Method) {
			return nil, errMethod()
		}
	}
	var refused *verify.Refusal
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &refused):
		return nil, &refusal{unverified, c.refusedStatus(), refused.Reason + c.diagnosis(verifier, req)}
	}
	return nil, &refusal{unavailable, http.StatusServiceUnavailable, "verification could not be done: " + err.Error()}
}

// diagnosis says, now and then, what would have made the signature match: for the operator who looks at the refusals. It
// costs many times a verification, so a source gets one in a while only, however many requests are refused.
func (c *call) diagnosis(v *verify.Verifier, req *verify.Request) string {
	stats := c.in.stats(c.source.Name)
	last := stats.diagnosed.Load()
	if now := c.arrived.UnixNano(); now-last < int64(diagnoseEvery) || len(req.Body) > maxDiagnosed || !stats.diagnosed.CompareAndSwap(last, now) {
		return ""
	}
	if why := v.Diagnose(req, c.arrived); why != "" {
		return "; " + why
	}
	return ""
}

// refusedStatus is what the sender gets for a request that is not proved, whatever the cause.
func (c *call) refusedStatus() int { return cmp.Or(c.source.Respond.Refused, http.StatusUnauthorized) }

// Verifier is the source's, or one made of the secret that its sender gave; an error when there is neither. It is nil
// for a source that asks for no proof.
func (in *Ingest) Verifier(source *rules.Source) (*verify.Verifier, error) {
	switch {
	case source.Unverified || source.Verifier != nil:
		return source.Verifier, nil
	case source.Learn == nil:
		return nil, errors.New("source has no verifier")
	}
	secret, has := in.opts.Queue.Note(learnedNote + source.Name)
	if !has {
		return nil, &verify.Refusal{Reason: "the source has no secret yet: its sender gives it when the webhook is made"}
	}
	if known, ok := in.learned.Load(source.Name); ok && known.(*learned).isOf(source, secret) {
		return known.(*learned).verifier, nil
	}
	v, err := source.Learn(secret)
	if err != nil {
		return nil, err
	}
	in.learned.Store(source.Name, &learned{source, secret, v})
	return v, nil
}

// handshake answers, after what the answer promises is done.
func (c *call) handshake(reply *verify.Reply) *refusal {
	if reply.Learned != "" {
		if no := c.learn(reply.Learned); no != nil {
			return no
		}
	}
	if reply.Confirm != "" {
		if err := c.in.confirm(reply.Confirm); err != nil {
			return &refusal{unavailable, http.StatusServiceUnavailable, "the subscription could not be confirmed: " + err.Error()}
		}
	}
	c.in.stats(c.source.Name).count(handshake)
	c.reply(reply)
	return nil
}

// learn takes a secret that the sender gives, while the source is armed: anybody could send one.
func (c *call) learn(secret string) *refusal {
	name := c.source.Name
	_, has := c.in.opts.Queue.Note(learnedNote + name)
	switch {
	case c.source.Learn == nil:
		return &refusal{unverified, c.refusedStatus(), "a secret is offered, and the source has one in the rules"}
	case has && !c.in.Armed(name):
		return &refusal{unverified, c.refusedStatus(), "a secret is offered, and the source has one: `hookrouter source arm " + name + "` lets it take another"}
	}
	if _, err := c.source.Learn(secret); err != nil {
		return &refusal{unverified, c.refusedStatus(), "the secret that is offered cannot be used: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), c.in.opts.AckTimeout)
	defer cancel()
	if err := c.in.opts.Queue.SetNote(ctx, learnedNote+name, secret); err != nil {
		return &refusal{unavailable, http.StatusServiceUnavailable, "the secret was not stored: " + err.Error()}
	}
	c.in.armed.Delete(name)
	c.in.opts.Logger.Info("source took a secret from its sender", "source", name)
	return nil
}

func (in *Ingest) confirm(address string) error {
	if in.opts.Confirm == nil {
		return errors.New("nothing is fetched here")
	}
	return in.opts.Confirm(address)
}

// Arm lets a source take a new secret from its sender within the next 10 minutes, once. It says until when.
func (in *Ingest) Arm(source string) time.Time {
	until := time.Now().Add(armedFor)
	in.armed.Store(source, until)
	return until
}

// Armed reports whether the source may take a new secret now.
func (in *Ingest) Armed(source string) bool { return !in.ArmedUntil(source).IsZero() }

// ArmedUntil is when the source ceases to be armed; zero when it is not.
func (in *Ingest) ArmedUntil(source string) time.Time {
	until, ok := in.armed.Load(source)
	if !ok || time.Now().After(until.(time.Time)) {
		return time.Time{}
	}
	return until.(time.Time)
}
