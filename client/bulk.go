package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/hookrouter/hookrouter/event"
)

// DeadGroups lists dead deliveries by what they died of, the newest death first. Of the filter only Route, Destination
// and Since count.
func (c *Client) DeadGroups(ctx context.Context, f Filter) (*Page[DeadGroup], error) {
	return get[Page[DeadGroup]](ctx, c, "/api/v1/dead"+f.query())
}

// BulkOptions say how a bulk action is done.
type BulkOptions struct {
	DryRun bool    // only count
	Rate   float64 // most deliveries or events a second; 0: no bound
	To     string  // send to this destination, as new deliveries
}

// The bulk actions make one step: up to 1,000 of what the filter selects, from its Cursor on, and no more than Rate allows
// in a second. The caller goes on with the Cursor at Next until that is empty. When ctx ends the server stops at once; what
// was done stays done.

// ReplayEvents matches events again, as ReplayEvent does.
func (c *Client) ReplayEvents(ctx context.Context, f Filter, o BulkOptions) (*Bulk, error) {
	return post[Bulk](ctx, c, "/api/v1/replay?"+o.values(f, "event").Encode())
}

// ReplayDeliveries sends deliveries again, as ReplayDelivery does: the dead ones, unless the filter names another state.
func (c *Client) ReplayDeliveries(ctx context.Context, f Filter, o BulkOptions) (*Bulk, error) {
	return post[Bulk](ctx, c, "/api/v1/replay?"+o.values(f, "delivery").Encode())
}

// DropDeliveries gives up dead deliveries.
func (c *Client) DropDeliveries(ctx context.Context, f Filter, o BulkOptions) (*Bulk, error) {
	return post[Bulk](ctx, c, "/api/v1/drop?"+o.values(f, "").Encode())
}

func (o BulkOptions) values(f Filter, verb string) url.Values {
	v := f.values()
	if verb != "" {
		v.Set("verb", verb)
	}
	if o.DryRun {
		v.Set("dry_run", "true")
	}
	if o.Rate > 0 {
		v.Set("rate", strconv.FormatFloat(o.Rate, 'g', -1, 64))
	}
	if o.To != "" {
		v.Set("to", o.To)
	}
	return v
}

// ReplayEventTo sends an event as it came to a destination, and matches nothing; with "" it is ReplayEvent.
func (c *Client) ReplayEventTo(ctx context.Context, id event.EventID, to string) (*Change, error) {
	return post[Change](ctx, c, "/api/v1/events/"+id.String()+"/replay"+toQuery(to))
}

// ReplayDeliveryTo sends the event of a delivery by its route to another destination, as a new delivery; with "" it is
// ReplayDelivery. It returns the delivery that was named.
func (c *Client) ReplayDeliveryTo(ctx context.Context, id event.DeliveryID, to string) (*DeliveryDetail, error) {
	return c.change(ctx, id, "replay"+toQuery(to))
}

func toQuery(to string) string {
	if to == "" {
		return ""
	}
	return "?to=" + url.QueryEscape(to)
}

// ReplayEdited makes a new event of another one and body, which no sender has proved, and matches it under the rules in
// force. Event of the answer is the new one.
func (c *Client) ReplayEdited(ctx context.Context, id event.EventID, body []byte) (*Change, error) {
	change := &Change{}
	path := "/api/v1/events/" + id.String() + "/replay?edited=true"
	return change, c.call(ctx, "POST", path, body, change)
}
