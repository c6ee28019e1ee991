// Package admin is the operator's surface: the JSON API, the live stream, health and metrics. It shows and changes
// what the other packages hold and keeps no state of its own.
package admin
