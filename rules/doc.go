// Package rules is what the operator's file says: it turns bytes into an immutable Set or into every fault of them
// with file, line and column, matches events, renders the requests that deliveries become, and runs the tests that
// the file holds. It needs no storage and no network, so that checks and dry runs are the server's own code.
package rules
