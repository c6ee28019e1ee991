// Package queue is the durable state of events and deliveries: one state machine, a pure function of (state, record),
// over a Log. A Log is all that an engine is; package journal is the embedded one, package logtest the suite that each
// must pass. The queue decides in log order and knows neither rules nor HTTP.
package queue
