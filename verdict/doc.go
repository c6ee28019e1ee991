// Package verdict is what rules would do with events, as data: what `explain` and `plan` answer, on the wire and to
// people. It decides nothing; rules makes it. No text of it holds a secret of the rules.
package verdict
