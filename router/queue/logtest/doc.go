// Package logtest is the conformance and crash suite that every queue.Log passes, and a Log in memory whose appends
// can be made to fail, for tests of what stands above a Log. It is imported by tests only.
package logtest
