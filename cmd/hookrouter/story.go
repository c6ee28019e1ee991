package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

// story is what the demo tells: it acts as senders and destinations, and prints what the live stream says of it.
type story struct {
	painter
	c *cli

	sink     *sink.Sink
	sinkAddr string
	url      string // of the server, for senders
	admin    string // address of its admin API
	api      *client.Client
	updates  <-chan client.Update
	quiet    bool // updates are not printed
	stay     bool // the server goes on after the story
}

// pauseBetween is how long a reader gets before the next chapter.
const pauseBetween = time.Second

func (s *story) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	s.updates = s.stream(ctx)
	for _, chapter := range []func(context.Context) error{s.start, s.push, s.forgery, s.outage, s.publishes, s.end} {
		if err := chapter(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		select {
		case <-time.After(pauseBetween):
		case <-ctx.Done():
		}
	}
	return nil
}

// stream passes on the server's live stream from its beginning.
func (s *story) stream(ctx context.Context) <-chan client.Update {
	updates := make(chan client.Update, 1024)
	go func() {
		defer close(updates)
		for u, err := range s.api.Stream(ctx, client.Oldest) {
			if err != nil {
				return
			}
			updates <- u
		}
	}()
	return updates
}

// follow prints updates until one satisfies done.
func (s *story) follow(ctx context.Context, done func(client.Update) bool) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u, ok := <-s.updates:
			if !ok {
				return fmt.Errorf("the live stream ended")
			}
			if !s.quiet {
				s.show(u)
			}
			if done(u) {
				return nil
			}
		}
	}
}

// show prints one step of an event's way.
func (s *story) show(u client.Update) {
	if line := s.step(u); line != "" {
		s.say("  %s", line)
	}
}

func (s *story) start(context.Context) error {
	s.say("hookrouter listens on %s and delivers to three services on %s.", s.url, s.sinkAddr)
	return nil
}

func (s *story) push(ctx context.Context) error {
	s.title("1. GitHub pushes; a rule turns it into a CI job")
	a, err := s.send(ctx, "github", "push", 1, false)
	if err != nil {
		return err
	}
	s.say("  POST /in/github, signed -> %d %s", a.Status, a.Body)
	if err := s.follow(ctx, delivered("ci")); err != nil {
		return err
	}
	s.say("  CI received: %s", s.lastBody("/ci"))
	return nil
}

func (s *story) forgery(ctx context.Context) error {
	s.title("2. Somebody forges a push")
	a, err := s.send(ctx, "github", "push", 2, true)
	if err != nil {
		return err
	}
	s.say("  POST /in/github, one digit of the signature changed -> %s %s", s.paint(red, fmt.Sprint(a.Status)), a.Body)
	source, err := s.api.Source(ctx, "github")
	if err != nil {
		return err
	}
	for _, refusal := range source.Refusals {
		s.say("  the operator sees why: %s. Nothing was stored.", refusal.Reason)
	}
	return nil
}

const outageEvents = 6

func (s *story) outage(ctx context.Context) error {
	s.title("3. Billing is down while Stripe sends; its breaker opens, nothing is lost")
	s.sink.Set("/billing", sink.Behavior{Status: http.StatusInternalServerError})
	for i := range outageEvents {
		if _, err := s.send(ctx, "stripe", "invoice.paid", i+1, false); err != nil {
			return err
		}
	}
	if err := s.follow(ctx, s.breakerOpens(ctx)); err != nil {
		return err
	}
	s.say("  %s, %d events wait on disk; nobody else is slowed down", s.paint(yellow, "breaker of billing open"), outageEvents)
	s.sink.Set("/billing", sink.Behavior{})
	s.say("  billing is repaired; after the cooldown one delivery probes, then the rest follows")
	return s.follow(ctx, deliveredTimes("billing", outageEvents))
}

// breakerOpens is true when all events are stored and billing's breaker is open.
func (s *story) breakerOpens(ctx context.Context) func(client.Update) bool {
	stored := 0
	return func(u client.Update) bool {
		if u.Event != nil {
			stored++
		}
		if stored < outageEvents {
			return false
		}
		page, err := s.api.Destinations(ctx)
		if err != nil {
			return false
		}
		for _, d := range page.Items {
			if d.Name == "billing" && d.Breaker == "open" {
				return true
			}
		}
		return false
	}
}

const publishes = 50

func (s *story) publishes(ctx context.Context) error {
	s.title(fmt.Sprintf("4. An editor publishes %d pages; the site is built once", publishes))
	s.quiet = true
	pace := time.NewTicker(40 * time.Millisecond)
	defer pace.Stop()
	for i := range publishes {
		if _, err := s.send(ctx, "cms", "ContentManagement.Entry.publish", i+1, false); err != nil {
			return err
		}
		<-pace.C
	}
	s.say("  %d times 202: each is stored, and the build waits until it has been quiet for two seconds", publishes)
	stored := 0
	err := s.follow(ctx, func(u client.Update) bool {
		if u.Event != nil {
			stored++
		}
		return delivered("build")(u)
	})
	if err != nil {
		return err
	}
	s.say("  %d events stored, builds started: %d, with the last of them: %s", stored, s.received("/build"), s.lastBody("/build"))
	return nil
}

func (s *story) end(ctx context.Context) error {
	status, err := s.api.Status(ctx)
	if err != nil {
		return err
	}
	s.title("That is all of it")
	s.say("  pending %d, dead %d.", status.Queue.Pending, status.Queue.Dead)
	if s.stay {
		s.say("  It goes on serving until Ctrl-C. Look around from another terminal:")
		s.say("    hookrouter status --admin %s", s.admin)
		s.say("    hookrouter events list --admin %s", s.admin)
		return nil
	}
	s.say("  Next (without the binary, `go run ./cmd/hookrouter` instead of `hookrouter`):")
	s.say("    hookrouter demo --stay                  the same, to look around in")
	s.say("    hookrouter test examples/rules.yaml     a rules file and its tests; edit it and see")
	s.say("    hookrouter run -c examples/rules.yaml --listen 127.0.0.1:8080")
	return nil
}

// send posts a sample to the source; presets maps the demo's sources to theirs.
func (s *story) send(ctx context.Context, source, kind string, n int, bad bool) (answered, error) {
	preset := map[string]string{"github": "github", "stripe": "stripe", "cms": "contentful"}[source]
	v, err := verifierOf(preset, demoSecret, "")
	if err != nil {
		return answered{}, err
	}
	from := &sender{preset: preset, verifier: v, to: s.url + "/in/" + source}
	return from.send(ctx, kind, n, nil, sending{bad: bad})
}

// delivered is true for the update that says that destination got a delivery.
func delivered(destination string) func(client.Update) bool { return deliveredTimes(destination, 1) }

func deliveredTimes(destination string, n int) func(client.Update) bool {
	seen := map[event.DeliveryID]bool{}
	return func(u client.Update) bool {
		if d := u.Delivery; d != nil && d.Destination == destination && d.State == event.Delivered {
			seen[d.ID] = true
		}
		return len(seen) >= n
	}
}

func (s *story) received(path string) (n int) {
	for _, r := range s.sink.Received() {
		if r.Path == path {
			n++
		}
	}
	return n
}

func (s *story) lastBody(path string) (body string) {
	for _, r := range s.sink.Received() {
		if r.Path == path {
			body = string(r.Body)
		}
	}
	return body
}

func (s *story) title(text string) { s.say("\n%s", s.paint(bold, text)) }
