// Package journal is the embedded engine: a queue.Log in segment files with group commit. It sees bytes and
// positions, never events. One process at a time owns a journal's directory.
package journal
