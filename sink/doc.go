// Package sink is a destination that misbehaves on demand: it records what it receives and fails, delays or hangs as
// told. It serves `hookrouter sink`, the demo, the tests and the benchmarks; nothing of the server depends on it.
package sink
