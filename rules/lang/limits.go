package lang

// What an expression may cost. All are counted, not timed, so that an expression either always fits an event or never
// does, on every machine.
const (
	// MaxSource is the longest expression, in bytes.
	MaxSource = 64 << 10
	// MaxNesting is how deep brackets, conditions, declarations and prefix operators may stand in each other.
	MaxNesting = 100
	// MaxNodes is how many parts an expression may have.
	MaxNodes = 10_000
	// MaxPattern is the longest pattern of `matches`, in bytes.
	MaxPattern = 1000
	// MaxSteps is how many steps one run may take: one for each operation, one for each 64 bytes that it reads, and
	// about one for each byte that a pattern reads, more for a large pattern. All of them take about 25 ms.
	MaxSteps = 100_000
	// MaxEventSteps is how many steps all runs on one event may take together, beyond the first FreeSteps of each: these
	// every expression has, whatever the others took.
	MaxEventSteps = 200_000
	// FreeSteps is what a run takes of its own, in steps.
	FreeSteps = 1000
	// MaxMemory is how many bytes one run may build in all, whether or not they are kept.
	MaxMemory = 8 << 20
	// MaxOutput is the longest body that a transform may produce, in bytes.
	MaxOutput = 8 << 20

	// MaxDepth is how deep a JSON payload may be nested.
	MaxDepth = 64
	// MaxKeys is how many keys a JSON payload, or fields a form, may have in all.
	MaxKeys = 10_000
	// MaxItems is how many values the lists of a JSON payload may have in all.
	MaxItems = 100_000
	// MaxParts is how many parts a multipart payload may have.
	MaxParts = 1000

	maxTree     = 1000    // depth of the parsed expression: a chain of `or` is as deep as it is long
	maxElements = 400_000 // list elements that expr's machine may build
	maxValue    = 200     // depth of a computed value
	maxProgram  = 2000    // instructions of a compiled pattern
)
