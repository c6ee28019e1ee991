package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Error is an answer of the server that says no.
type Error struct{ Problem Problem }

// Error is the detail of the problem, or else its title.
func (e *Error) Error() string {
	switch {
	case e.Problem.Detail != "":
		return e.Problem.Detail
	case e.Problem.Title != "":
		return fmt.Sprintf("%d %s", e.Problem.Status, e.Problem.Title)
	}
	return fmt.Sprintf("status %d", e.Problem.Status)
}

// NotFound reports whether err is an answer saying that the thing asked for does not exist.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Problem.Status == http.StatusNotFound
}

// UnreachableError says that no answer came: nothing listens, the connection broke, or time ran out.
type UnreachableError struct {
	URL string
	Err error
}

// Error names the address and the cause.
func (e *UnreachableError) Error() string { return fmt.Sprintf("server %s: %v", e.URL, e.Err) }

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable keeps the caller's own cancellation apart from a server that does not answer.
func unreachable(ctx context.Context, base string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return &UnreachableError{URL: base, Err: err}
}
