// Package client is the typed client of the admin API, and the wire types that both sides share. It is used by the
// commands and by programs that embed or operate hookrouter; it holds no logic of the server.
package client
