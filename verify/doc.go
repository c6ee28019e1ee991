// Package verify is how a sender proves itself. A Scheme is data that says where a signature stands, what it signs
// and with which key; a Verifier checks requests against it, signs requests by it (for tests and `send`) and answers
// handshakes. Presets are the schemes of real senders, one YAML entry each. It reads no files but the embedded ones,
// stores nothing, and knows neither rules nor events.
package verify
