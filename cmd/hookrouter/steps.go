package main

import (
	"fmt"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

// painter colours text where that is wanted.
type painter struct{ color bool }

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

func (p painter) paint(style, text string) string {
	if !p.color {
		return text
	}
	return style + text + plain
}

// step is one step of an event's way as one line; "" when there is nothing to tell of it, as of an attempt that starts.
func (p painter) step(u client.Update) string {
	at := u.At.Local().Format("15:04:05.000")
	switch {
	case u.Event != nil:
		return fmt.Sprintf("%s  stored     %s  %s from %s", at, u.Event.ID, oneLine(dash(u.Event.Type)), u.Event.Source)
	case u.Delivery == nil:
		return ""
	case u.Attempt != nil:
		return fmt.Sprintf("%s  %s  %s: attempt %d: %s", at, p.outcome(*u.Delivery), whither(*u.Delivery),
			u.Attempt.Number, oneLine(attemptResult(*u.Attempt)))
	case u.Delivery.State == event.Canceled, u.Delivery.State == event.Dead:
		return fmt.Sprintf("%s  %s  %s: %s", at, p.outcome(*u.Delivery), whither(*u.Delivery), dash(u.Delivery.Reason))
	}
	return ""
}

func (p painter) outcome(d client.Delivery) string {
	switch d.State {
	case event.Delivered:
		return p.paint(green, "delivered")
	case event.Pending:
		return p.paint(yellow, "try again")
	case event.Canceled:
		return fmt.Sprintf("%-9s", d.State)
	}
	return p.paint(red, fmt.Sprintf("%-9s", d.State))
}

// whither is the destination; of what happened long ago the stream may know the delivery's id only.
func whither(d client.Delivery) string {
	if d.Destination == "" {
		return d.ID.String()
	}
	return d.Destination
}
