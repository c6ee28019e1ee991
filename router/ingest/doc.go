// Package ingest is everything before the ack: it finds the source of a request, bounds what it reads, verifies,
// answers handshakes, matches, has the event stored and answers the sender. It never delivers.
package ingest
