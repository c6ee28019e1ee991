// Package deliver is everything after the ack: a lane per destination waits until something is due, asks its gate
// (breaker, hold, pause, limits), makes one attempt and tells the queue the outcome. It never accepts events.
package deliver
