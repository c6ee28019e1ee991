// Package router is what happens to an event: it wires ingest, queue, deliver and admin together, runs them, and
// reloads the rules under them. It is embeddable: New, Run, Reload. It holds no logic of the steps themselves.
package router
