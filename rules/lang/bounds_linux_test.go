package lang

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostileBody is about 1 MiB of what makes looking at it dear: long lists, objects of many keys, keys and texts that
// are written with escapes, long numbers, deep nesting.
func hostileBody() []byte {
	var b strings.Builder
	list := func(name, item string, n int) {
		fmt.Fprintf(&b, `"%s":[%s%s],`, name, item, strings.Repeat(","+item, n-1))
	}
	object := func(name string, n int) {
		fmt.Fprintf(&b, `"%s":{"a":"%s"`, name, name)
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i)
		}
		b.WriteString("},")
	}
	b.WriteString("{")
	list("n", "1", 60_000)
	list("words", `"word"`, 10_000)
	list("lists", "[1,2]", 5000)
	list("objects", `{"a":1}`, 1000)
	object("keys", 3000)
	object("others", 3000)
	fmt.Fprintf(&b, `"deep":%s%s,`, strings.Repeat("[", 60), strings.Repeat("]", 60))
	fmt.Fprintf(&b, `"escaped":"%s","float":1.%s1,"digits":%s,`,
		strings.Repeat(`\n`, 100_000), strings.Repeat("0", 50_000), strings.Repeat("9", 50_000))
	fmt.Fprintf(&b, `"s":"%s"`, strings.Repeat("a", 300_000))
	for i := range 2500 {
		fmt.Fprintf(&b, `,"\u00e9%d":1`, i)
	}
	b.WriteString("}")
	return []byte(b.String())
}

func hostileEnv(raw []byte) *Env {
	header := map[string][]string{}
	for i := range 200 {
		header[fmt.Sprintf("X-%d", i)] = []string{"a"}
	}
	return &Env{Raw: raw, Header: header, Body: NewBody("json", nil, raw, "POST"), ReceivedAt: time.Unix(1, 0)}
}

// repeated are expressions that do each thing that the language can do to each dear value, as often as they are let.
func repeated() (all []string) {
	values := []string{
		"body", "body.n", "body.words", "body.lists", "body.objects", "body.keys", "body.deep", "body.escaped", "body.float",
		"body.digits", "body.s", "body.missing", "body.n[-1]", "raw", "headers", "received_at",
	}
	var each []string
	for name, f := range functions {
		each = append(each, name+"("+strings.TrimSuffix(strings.Repeat("%, ", f.min), ", ")+")")
		if f.max > 1 {
			each = append(each, name+`(%, "a"`+strings.Repeat(`, "b"`, max(f.min-2, 0))+")", name+"(%, 2"+strings.Repeat(", 3", max(f.min-2, 0))+")")
		}
	}
	for name := range predicates {
		each = append(each, name+"(%, true)")
	}
	for _, name := range methodNames() {
		each = append(each, "received_at."+name+"(%)", "received_at."+name+"()")
	}
	each = append(each, "% == %", "% == body.others", `"x" in %`, `% in ["a", "b", 1]`, `% contains "b"`, "%[1:]", "%[-1]", "%.missing",
		`% matches "b"`, `% matches "(a|b)+c"`, "% < %", `% + "x"`, "[%]", `{"a": %}`, "% ?? 1", "-%", "%..%", `header("missing")`, "headers.missing", "query.missing")
	for _, e := range each {
		for _, v := range values {
			all = append(all, "count(1..40000, type("+strings.ReplaceAll(e, "%", v)+`) == "none") == 1`)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// dearest took seconds or gigabytes each before what they do was counted.
var dearest = []string{
	`count(1..40000, body.n[59999] == 2) == 1`, `count(1..40000, body.escaped == "x") == 1`, `count(1..40000, body.float == 2) == 1`,
	`count(1..40000, body.keys == body.others) == 1`, `count(1..40000, body.missing == 1) == 1`, `count(1..40000, header(body.s) == "x") == 1`,
	`let a = [body, body]; let b = [a, a]; let c = [b, b]; toJSON([c, c, c, c])`, `map(1..27, body.s)`,
}

// hostile are the dearest, the bombs and what is repeated: all at full size, else every 40th and the dearest.
func hostile(t *testing.T) (programs []*Program) {
	t.Helper()
	c := NewCompiler()
	for i, src := range slices.Concat(dearest, bombs, repeated()) {
		if os.Getenv("HOOKROUTER_LONG") == "" && i%40 != 0 && i >= len(dearest) {
			continue
		}
		if p, err := c.Compile(src, Transform); err == nil { // some kinds never fit
			programs = append(programs, p)
		}
	}
	return programs
}

// cpu is the processor time that the calling thread has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	const ofThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(ofThread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// took runs an expression and encodes its result. It gives the processor time and what it allocated, garbage included.
func took(t *testing.T, p *Program, env *Env) (time.Duration, uint64, error) {
	t.Helper()
	env.Body.Err()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpu(t)
	v, err := p.Run(env)
	if err == nil {
		_, _, err = Encode(v)
	}
	used := cpu(t) - began
	runtime.ReadMemStats(&after)
	return used, after.TotalAlloc - before.TotalAlloc, err
}

// TestHostileExpressions: one run takes about 25 ms at most; the demands have headroom for other machines and the race
// detector. An evaluation, its result included, adds at most 16 MiB to the heap: what allocates no more than that in all
// cannot, and the others are run again and watched.
func TestHostileExpressions(t *testing.T) {
	programs, raw, limit := hostile(t), hostileBody(), time.Second
	if os.Getenv("HOOKROUTER_LONG") != "" {
		limit = 100 * time.Millisecond
	}
	var times []time.Duration
	var most uint64
	for _, p := range programs {
		used, made, err := took(t, p, hostileEnv(raw))
		if made > 16<<20 && used <= limit {
			made = peak(p, hostileEnv(raw))
		}
		if times, most = append(times, used), max(most, made); used > limit || made > 16<<20 {
			t.Fatalf("%v, %d MiB: %s: %v", used, made>>20, p.Source(), err) // the others may take as long
		}
	}
	slices.Sort(times)
	t.Logf("%d expressions, %d bytes: CPU median %v, 99 of 100 %v, most %v; at most %d MiB", len(times), len(raw), times[len(times)/2],
		times[len(times)*99/100], times[len(times)-1], most>>20)
}

// TestManyExpressionsOnOneEvent: what is dear ends soon, what is cheap holds beside it.
func TestManyExpressionsOnOneEvent(t *testing.T) {
	env := hostileEnv(hostileBody())
	dear, err := Compile(`any(body.n, any(body.n, # == 2))`, When)
	if err != nil {
		t.Fatal(err)
	}
	cheap, err := Compile(`body.keys.a == "keys" and any(body.deep, len(#) == 1)`, When)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	env.Body.Err()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := cpu(t)
	for i := range 200 {
		_, err := dear.Bool(env)
		if total += env.kept.run.steps; err == nil {
			t.Fatalf("run %d ends without an error", i)
		}
		if i > 2 && !strings.Contains(err.Error(), "together") {
			t.Fatalf("run %d: %v", i, err)
		}
		if yes, err := cheap.Bool(env); err != nil || !yes {
			t.Fatalf("a cheap one after %d dear ones: %v, %v", i+1, yes, err)
		}
	}
	t.Logf("%v of processor time, %d steps of the dear ones", cpu(t)-began, total)
	if most := 2*MaxEventSteps + 2*200*FreeSteps; total > most {
		t.Errorf("200 expressions took %d steps, more than %d", total, most)
	}
	env.Reset()
	if yes, err := cheap.Bool(env); err != nil || yes {
		t.Errorf("on the next event: %v, %v", yes, err)
	}
	if env.SetBody("json", nil, hostileBody(), "POST"); env.kept.spent != 0 {
		t.Errorf("the next event begins with %d steps", env.kept.spent)
	}
}

// peak is by how much the heap grows in a run, with a collector that keeps it small.
func peak(p *Program, env *Env) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(3))
	env.Body.Err()
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	base, most := sample[0].Value.Uint64(), uint64(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if v, err := p.Run(env); err == nil {
			_, _, _ = Encode(v)
		}
	}()
	for {
		metrics.Read(sample)
		most = max(most, sample[0].Value.Uint64())
		select {
		case <-done:
			return most - min(base, most)
		default:
			runtime.Gosched()
		}
	}
}

// TestPatternsEnd: the longest text that a pattern may be held against takes about 10 ms.
func TestPatternsEnd(t *testing.T) {
	limit := time.Second
	if os.Getenv("HOOKROUTER_LONG") != "" {
		limit = 50 * time.Millisecond
	}
	most := time.Duration(0)
	for _, text := range []string{
		`b`, `(a+a+)+b`, `(a|aa|aaa)*b`, `a{1000}b`, `.*.*.*.*=.*`, `(?i)(é|É)+x`, `(a?){100}a{100}$`, `[^x]*y`, `(?s).*(x|y).*(x|y).*`,
		`^(a|b|c|d|e|f|g)*$`, `\b\w+\b$`, `((a{1,10}){1,10}){1,5}b`, `(?:a|[b-z])*?é`,
	} {
		pattern, err := newPattern(text)
		if err != nil {
			t.Fatal(text, err)
		}
		for _, part := range []string{"a", "ab", "é", "x"} {
			n := (MaxSteps - 10) * 16 / (4 + pattern.size)
			raw := []byte(strings.Repeat(part, n/len(part)))
			p, err := Compile("body matches "+strconv.Quote(text), When)
			if err != nil {
				t.Fatal(text, err)
			}
			used, _, err := took(t, p, &Env{Raw: raw, Body: NewBody("text", nil, raw, "POST")})
			if most = max(most, used); err != nil || used > limit {
				t.Errorf("%s on %d times %q: %v, %v", text, n, part, used, err)
			}
			raw = append(raw, raw...)
			if _, err := p.Run(&Env{Raw: raw, Body: NewBody("text", nil, raw, "POST")}); err == nil {
				t.Errorf("%s on %d bytes is no error", text, len(raw))
			}
		}
	}
	t.Logf("at most %v", most)
	for _, src := range []string{`body matches body`, `body matches "a" + body`, `body matches "a{1001}"`, `body matches "(a{500}){500}"`, `body matches "("`} {
		if _, err := Compile(src, When); err == nil {
			t.Errorf("%s compiles", src)
		}
	}
}
