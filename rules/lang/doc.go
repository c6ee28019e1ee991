// Package lang is the expression language of the rules: it compiles an expression once, and runs it against one event
// under a step, memory and output budget. It decodes payloads only as far as expressions ask. It knows neither the
// file nor routes: positions in its errors count from the start of the expression.
package lang
