package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// timeout bounds each call except Stream.
const timeout = 30 * time.Second

// maxProblem is how much of an error answer is read, in bytes.
const maxProblem = 1 << 20

// Client speaks to the admin API of one server. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client

	silence time.Duration // longest of a stream
}

// New returns a Client of the server at baseURL (such as http://127.0.0.1:8081). token may be empty. Nothing is sent yet.
func New(baseURL, token string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &Client{
		base: strings.TrimRight(baseURL, "/"), token: token, silence: maxSilence,
		http: &http.Client{
			Transport: transport,
			// The API never redirects, and a token must not follow one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close drops idle connections. The Client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Filter selects events or deliveries. Zero fields select everything.
type Filter struct {
	Source, Type, Route, Destination, SenderID string

	State        string    // pending, delivered, dead, canceled, and for events also unmatched
	Group        string    // of deliveries: the dead ones of a DeadGroup
	Since, Until time.Time // of receipt; Until is exclusive
	Limit        int       // most items of a page; 0 leaves it to the server
	Cursor       string    // Next of the page before
}

func (f Filter) query() string {
	if v := f.values(); len(v) > 0 {
		return "?" + v.Encode()
	}
	return ""
}

func (f Filter) values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("source", f.Source)
	set("type", f.Type)
	set("route", f.Route)
	set("destination", f.Destination)
	set("sender_id", f.SenderID)
	set("state", f.State)
	set("group", f.Group)
	set("cursor", f.Cursor)
	if !f.Since.IsZero() {
		v.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		v.Set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		v.Set("limit", strconv.Itoa(f.Limit))
	}
	return v
}

// Healthy is nil when the process answers.
func (c *Client) Healthy(ctx context.Context) error { return c.call(ctx, "GET", "/healthz", nil, nil) }

// Ready is nil when the server takes events; otherwise the *Error says why not.
func (c *Client) Ready(ctx context.Context) error { return c.call(ctx, "GET", "/readyz", nil, nil) }

// Status asks for the state of the whole server.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return get[Status](ctx, c, "/api/v1/status")
}

// Events lists events, newest first.
func (c *Client) Events(ctx context.Context, f Filter) (*Page[Event], error) {
	return get[Page[Event]](ctx, c, "/api/v1/events"+f.query())
}

// Event asks for one event with its deliveries.
func (c *Client) Event(ctx context.Context, id event.EventID) (*EventDetail, error) {
	return get[EventDetail](ctx, c, "/api/v1/events/"+id.String())
}

// Body asks for the bytes of an event, as they came.
func (c *Client) Body(ctx context.Context, id event.EventID) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body []byte
	err := c.do(ctx, "GET", "/api/v1/events/"+id.String()+"/body", nil, func(r io.Reader) (err error) {
		body, err = io.ReadAll(r)
		return err
	})
	return body, err
}

// ReplayEvent matches an event again under the rules in force: new pairs of route and destination get deliveries,
// final ones go back to pending.
func (c *Client) ReplayEvent(ctx context.Context, id event.EventID) (*Change, error) {
	return c.ReplayEventTo(ctx, id, "")
}

// Deliveries lists deliveries, newest event first.
func (c *Client) Deliveries(ctx context.Context, f Filter) (*Page[Delivery], error) {
	return get[Page[Delivery]](ctx, c, "/api/v1/deliveries"+f.query())
}

// Delivery asks for one delivery with its attempts.
func (c *Client) Delivery(ctx context.Context, id event.DeliveryID) (*DeliveryDetail, error) {
	return get[DeliveryDetail](ctx, c, "/api/v1/deliveries/"+id.String())
}

// ReplayDelivery sets a final delivery back to pending, due now, and returns it.
func (c *Client) ReplayDelivery(ctx context.Context, id event.DeliveryID) (*DeliveryDetail, error) {
	return c.change(ctx, id, "replay")
}

// CancelDelivery ends a pending delivery and returns it.
func (c *Client) CancelDelivery(ctx context.Context, id event.DeliveryID) (*DeliveryDetail, error) {
	return c.change(ctx, id, "cancel")
}

// DropDelivery gives up a dead delivery and returns it.
func (c *Client) DropDelivery(ctx context.Context, id event.DeliveryID) (*DeliveryDetail, error) {
	return c.change(ctx, id, "drop")
}

func (c *Client) change(ctx context.Context, id event.DeliveryID, verb string) (*DeliveryDetail, error) {
	return post[DeliveryDetail](ctx, c, "/api/v1/deliveries/"+id.String()+"/"+verb)
}

// Destinations lists the destinations of the rules and those that still have deliveries.
func (c *Client) Destinations(ctx context.Context) (*Page[Destination], error) {
	return get[Page[Destination]](ctx, c, "/api/v1/destinations")
}

// Pause stops attempts to a destination until Resume.
func (c *Client) Pause(ctx context.Context, name string) (*Destination, error) {
	return post[Destination](ctx, c, "/api/v1/destinations/"+url.PathEscape(name)+"/pause")
}

// Resume ends a pause or a hold.
func (c *Client) Resume(ctx context.Context, name string) (*Destination, error) {
	return post[Destination](ctx, c, "/api/v1/destinations/"+url.PathEscape(name)+"/resume")
}

// Probe has one delivery tried now, whatever an open breaker, a hold or the time of a retry say.
func (c *Client) Probe(ctx context.Context, name string) (*Destination, error) {
	return post[Destination](ctx, c, "/api/v1/destinations/"+url.PathEscape(name)+"/probe")
}

// Sources lists the sources.
func (c *Client) Sources(ctx context.Context) (*Page[Source], error) {
	return get[Page[Source]](ctx, c, "/api/v1/sources")
}

// Source asks for one source with its latest refusals.
func (c *Client) Source(ctx context.Context, name string) (*SourceDetail, error) {
	return get[SourceDetail](ctx, c, "/api/v1/sources/"+url.PathEscape(name))
}

// Arm lets a source take a new secret from its sender for 10 minutes. 404 and 409 are *Problem: there is no such source,
// or its sender gives none.
func (c *Client) Arm(ctx context.Context, name string) (*Source, error) {
	return post[Source](ctx, c, "/api/v1/sources/"+url.PathEscape(name)+"/arm")
}

// Routes lists the routes in the order of the file.
func (c *Client) Routes(ctx context.Context) (*Page[Route], error) {
	return get[Page[Route]](ctx, c, "/api/v1/routes")
}

// Rules asks which rules are in force.
func (c *Client) Rules(ctx context.Context) (*Rules, error) {
	return get[Rules](ctx, c, "/api/v1/rules")
}

// Reload reads the rules file now. When it is refused the old rules stay and the *Error carries the faults.
func (c *Client) Reload(ctx context.Context) (*Rules, error) {
	return post[Rules](ctx, c, "/api/v1/rules/reload")
}

func get[T any](ctx context.Context, c *Client, path string) (*T, error) {
	v := new(T)
	return v, c.call(ctx, "GET", path, nil, v)
}

func post[T any](ctx context.Context, c *Client, path string) (*T, error) {
	return ask[T](ctx, c, path, nil)
}

// ask posts a question as JSON; a nil one is a request without a body.
func ask[T any](ctx context.Context, c *Client, path string, question any) (*T, error) {
	v := new(T)
	return v, c.call(ctx, "POST", path, question, v)
}

// call sends what is asked, if anything, and decodes the answer into v, unless v is nil.
func (c *Client) call(ctx context.Context, method, path string, question, v any) error {
	return c.callWithin(ctx, timeout, method, path, question, v)
}

func (c *Client) callWithin(ctx context.Context, limit time.Duration, method, path string, question, v any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.do(ctx, method, path, question, func(r io.Reader) error {
		if v == nil {
			return nil
		}
		if err := json.NewDecoder(r).Decode(v); err != nil {
			return fmt.Errorf("answer to %s %s: %w", method, path, err)
		}
		return nil
	})
}

// do sends one request, whose body is question as JSON or the bytes that it is, and hands a 2xx answer to read.
func (c *Client) do(ctx context.Context, method, path string, question any, read func(io.Reader) error) error {
	header := http.Header{}
	body, raw := question.([]byte)
	if question != nil && !raw {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return err
		}
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return read(resp.Body)
}

// send returns a 2xx answer with its body open, or an error.
func (c *Client) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", c.base, err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, c.base, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, problemOf(resp)
}

func problemOf(resp *http.Response) error {
	p := Problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err == nil && len(bytes.TrimSpace(body)) > 0 {
		// An answer that is no problem document comes from something in between; the status still says enough.
		_ = json.Unmarshal(body, &p)
	}
	p.Status = resp.StatusCode
	return &Error{Problem: p}
}
