// Package verify is how a sender proves itself. A Scheme is data that says where a signature stands, what it signs
// and with which key; a Verifier checks requests against it, signs requests by it (for tests and `send`) and answers
// handshakes. Presets are the schemes of real senders, one YAML entry each. It reads no files but the embedded ones,
// stores nothing, and knows neither rules nor events.
//
// What is verified are the bytes that came. Everything is strict, because what two readers can read differently proves
// nothing: a header that counts stands there once and is not empty, a signature has exactly one spelling, a time is
// plain digits and close to now in both directions, and a time that is not signed is refused as a scheme. A reason for
// a refusal is for the operator and holds neither secrets nor signatures.
//
// A new sender is a file in providers with a sample, and its vectors in testdata, made by somebody else's code. The
// negatives, the round trip through Sign and the checks of type and dedupe key come by themselves. A new kind of proof
// is a prover, its fields in Scheme, and its part in the derived negatives.
package verify
