// Package history is the projection of the log that lists for people are read from: fixed-size rows in files by range
// of positions. It can be deleted at any time and is rebuilt from the log; nothing is acknowledged or leased by it.
package history
