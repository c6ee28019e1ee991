package lang

// operations are what rewritten programs call, by the names that the writer gives them. No expression can name them:
// its own names have no "$".
func operations() map[string]func(...any) (any, error) {
	ops := map[string]func(...any) (any, error){
		"$place": func(args ...any) (any, error) {
			return args[1].(*place).value(args[0].(*run)), nil
		},
		"$truth": func(args ...any) (any, error) {
			args[0].(*run).step(1)
			return truth(args[1].(*site), args[2]), nil
		},
		"$turn": func(args ...any) (any, error) {
			args[0].(*run).step(1)
			return args[2], nil
		},
		"$get":   checked(spec{takesNil: true, run: opGet}),
		"$slice": opSliceNil,
		"$map":   checked(spec{takesNil: true, run: opMap}),
		"$list":  checked(spec{missing: []any{}, run: func(_ *run, s *site, args []any) any { return s.list(args, 0) }}),
		"$sum":   checked(spec{missing: 0, run: fnSum}), "$groupBy": checked(spec{run: fnGroupBy}),
		"$sortBy": checked(spec{run: fnSortBy}),
		"$negate": checked(spec{run: opNegate}), "$plus": checked(spec{run: opPlus}),
	}
	ops["$turnTruth"] = ops["$truth"]
	for name, s := range functions {
		ops["$"+name] = checked(s)
	}
	for name, s := range operators {
		ops["$"+name] = checked(s)
	}
	for _, name := range methodNames() {
		s, _ := method(name)
		ops["$."+name] = checked(s)
	}
	return ops
}

// checked wraps an operation: a step is counted, and nil met as the specification says.
func checked(s spec) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		r, at := args[0].(*run), args[1].(*site)
		r.step(1)
		args = args[2:]
		if s.takesNil {
			return s.run(r, at, args), nil
		}
		for i, v := range args {
			if v != nil {
				continue
			}
			if !at.when {
				at.failAt(i, "is nil")
			}
			return s.missing, nil
		}
		return s.run(r, at, args), nil
	}
}

// opSliceNil is a slice, of which the ends may be left out but not be nil.
func opSliceNil(args ...any) (any, error) {
	r, s := args[0].(*run), args[1].(*site)
	r.step(1)
	for i, v := range args[2:] {
		if v != nil || s.operands[i].node == nil {
			continue
		}
		if !s.when {
			s.failAt(i, "is nil")
		}
		return nil, nil
	}
	return opSlice(r, s, args[2:]), nil
}

// truth takes a condition as true or false; nil is false.
func truth(s *site, v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case nil:
		return false
	}
	s.failAt(0, "is %s, it must be true or false", aKind(v))
	return false
}
