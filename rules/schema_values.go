package rules

import "maps"

// schemaValues says for each key of each block what it holds, with one line for who looks at it in an editor.
func schemaValues() map[string]shape {
	values := map[string]shape{}
	for _, part := range []map[string]shape{
		topValues(), sourceValues(), destinationValues(), routeValues(), testValues(), presetValues(), schemeValues(),
	} {
		maps.Copy(values, part)
	}
	return values
}

func topValues() map[string]shape {
	return map[string]shape{
		"top.version":       describe(shape{"enum": []any{1, "1"}}, "version of the format"),
		"top.sources":       describe(named(ref("source")), "who may call: POST /in/NAME"),
		"top.presets":       describe(named(ref("preset")), "senders of your own, for `preset:` of a source"),
		"top.defaults":      describe(orNull(ref("defaults")), "what every destination inherits"),
		"top.destinations":  describe(named(anyOf(textShape(), ref("destination"))), "who is called; a text alone is the url"),
		"top.routes":        describe(listed(ref("route")), "which events go where, in this order"),
		"top.retention":     describe(orNull(ref("retention")), "how long what is over is kept"),
		"retention.history": describe(durationShape(), "events, and deliveries that ended"),
		"retention.dead":    describe(durationShape(), "dead deliveries"),
		"retention.size":    describe(patternShape(sizePattern.String()), "bytes on disk; the oldest go first"),
		"top.tests":         describe(listed(ref("test")), "run by `hookrouter test`, and before rules go live"),
	}
}

func sourceValues() map[string]shape {
	return map[string]shape{
		"source.preset":     describe(textShape(), "the sender: a preset that is built in (`hookrouter preset list`) or your own"),
		"source.verify":     describe(anyOf(shape{"const": "none"}, oneOrMore(ref("verify"))), "how a request proves who sent it, instead of the preset's; none: anybody may call"),
		"source.secret":     describe(oneOrMore(textShape()), "shared secret or token, best as ${VAR} or ${file:/path}; in a list any may verify, the first signs"),
		"source.path":       describe(patternShape(validPath.String()), "path instead of /in/NAME"),
		"source.methods":    describe(oneOrMore(methodShape()), "methods that are taken"),
		"source.body":       describe(textShape(), "format of the body: json, form, multipart, text, xml, none, form.FIELD; default: by its Content-Type"),
		"source.type":       describe(expressionShape(), "expression for the event's type"),
		"source.dedupe":     describe(expressionShape(), "expression for what is the same when an event is sent twice, or digest, or none"),
		"source.max_body":   describe(patternShape(sizePattern.String()), "largest body, such as 1MiB"),
		"source.respond":    describe(ref("respond"), "answer to a stored event"),
		"source.unmatched":  describe(wordShape("keep", "reject"), "what becomes of an event that no route wants; reject answers 404"),
		"source.limit":      describe(ref("limit"), "how much it may send; more is answered 429 or 503"),
		"source.allow_ip":   describe(oneOrMore(textShape()), "addresses or CIDRs that may call; default: any"),
		"source.handshake":  describe(oneOrSeveral(ref("handshake")), "requests that are answered and not stored"),
		"source.key":        describe(oneOrMore(textShape()), "public key of the sender: PEM, hex, base64 or JWKS, best as ${file:/path}; in a list any may verify"),
		"source.with":       describe(mapOf(textShape()), "further parameters of the preset: `hookrouter preset show NAME` lists them"),
		"source.public_url": describe(textShape(), "the address as the sender knows it, for senders that sign it"),
		"respond.status":    describe(wholeShape(), "200 to 299"),
		"respond.refused":   describe(wholeShape(), "status for a request that is not proved, for senders that want another than 401"),
		"respond.headers":   mapOf(textShape()),
		"respond.body":      textShape(),
	}
}

func destinationValues() map[string]shape {
	values := map[string]shape{
		"destination.url":     describe(textShape(), "where deliveries go; $(expr) fills in a segment or value"),
		"destination.method":  describe(methodShape(), "method instead of the sender's"),
		"destination.headers": describe(mapOf(textShape()), "headers to set; $(expr) fills in a value"),
		"destination.query":   describe(mapOf(textShape()), "query parameters to set; $(expr) fills in a value"),
		"limit.concurrency":   describe(wholeShape(), "most at one time: attempts of a destination, requests of a source"),
		"limit.rate":          describe(patternShape(ratePattern.String()), "most in a time: 50/s, 10/m, 100/h; attempts of a destination, verified requests of a source"),
		"retry.backoff":       describe(durationShape(), "pause after the first attempt; it doubles"),
		"retry.max_backoff":   describe(durationShape(), "longest pause"),
		"retry.max_age":       describe(durationShape(), "after this long a delivery is dead"),
		"retry.attempts":      describe(wholeShape(), "most attempts; 0: until max_age"),
		"breaker.failures":    describe(wholeShape(), "failures in a row that open it"),
		"breaker.cooldown":    describe(durationShape(), "how long it stays open before it probes"),
		"breaker.probes":      describe(wholeShape(), "deliveries that must succeed to close it"),
	}
	for _, block := range []string{"destination", "defaults"} {
		values[block+".timeout"] = describe(durationShape(), "longest time of one attempt")
		values[block+".retry"] = describe(ref("retry"), "when to try again")
		values[block+".breaker"] = describe(ref("breaker"), "when to stop trying for a while")
		values[block+".limit"] = describe(ref("limit"), "how much at one time")
		values[block+".pass_headers"] = describe(anyOf(wordShape("all", "none"), shape{"type": "array", "items": textShape()}),
			"which headers of the sender go on: all, none, or a list of names")
	}
	return values
}

func routeValues() map[string]shape {
	return map[string]shape{
		"route.name":      describe(shape{"type": []string{"string", "integer"}, "pattern": validName.String()}, "unique name"),
		"route.from":      describe(oneOrMore(textShape()), "sources, or \"*\" for all"),
		"route.when":      describe(expressionShape(), "expression that must hold; absent: always"),
		"route.to":        describe(oneOrMore(textShape()), "destinations; absent: a filter"),
		"route.stop":      describe(boolShape(), "when it matched, routes after it are not asked"),
		"route.enabled":   describe(boolShape(), "false switches it off"),
		"route.transform": describe(anyOf(expressionShape(), mapOf(expressionShape())), "expression for the body, or one for each destination"),
		"route.method":    describe(methodShape(), "method instead of the destination's"),
		"route.headers":   describe(mapOf(textShape()), "headers to set, over the destination's"),
		"route.coalesce":  describe(ref("coalesce"), "many events become one delivery, with the last of them"),
		"coalesce.key":    describe(expressionShape(), "events with the same value belong together"),
		"coalesce.wait":   describe(durationShape(), "quiet time after the last event"),
		"coalesce.max":    describe(durationShape(), "longest time after the first event"),
	}
}

func testValues() map[string]shape {
	return map[string]shape{
		"test.name":         describe(textShape(), "unique name"),
		"test.given":        describe(ref("given"), "the event"),
		"test.expect":       describe(mapOf(oneOrSeveral(ref("expect"))), "what each destination gets; {} says nothing is delivered"),
		"given.source":      describe(textShape(), "source it comes from"),
		"given.event":       describe(textShape(), "its type"),
		"given.id":          describe(textShape(), "its id: evt_ and 26 characters"),
		"given.received_at": describe(textShape(), "when it came, such as 2026-01-31T12:00:00Z"),
		"given.method":      methodShape(),
		"given.headers":     mapOf(textShape()),
		"given.query":       anyOf(textShape(), mapOf(shape{})),
		"given.body":        describe(shape{}, "data, sent as the source's format; a text is the bytes themselves"),
		"expect.body":       describe(shape{}, "data that the body must hold"),
		"expect.headers":    describe(mapOf(orNull(textShape())), "headers it must have; null: must not have"),
		"expect.url":        describe(textShape(), "where it goes"),
		"expect.skip":       describe(textShape(), "true, or a part of the reason why it is skipped"),
		"expect.dead":       describe(textShape(), "true, or a part of the reason why it is dead"),
	}
}

func presetValues() map[string]shape {
	return map[string]shape{
		"preset.title":         textShape(),
		"preset.like":          describe(textShape(), "a preset that gives what this one does not say"),
		"preset.verified":      describe(textShape(), "how sure it is: docs, sdk or secondary"),
		"preset.docs":          describe(textShape(), "URL of the sender's own page"),
		"preset.note":          describe(textShape(), "what a person who sets it up should know"),
		"preset.verify":        anyOf(shape{"const": "none"}, oneOrMore(ref("verify"))),
		"preset.handshake":     oneOrSeveral(ref("handshake")),
		"preset.type":          expressionShape(),
		"preset.dedupe":        expressionShape(),
		"preset.sender_id":     describe(textShape(), "header with the sender's own id of the delivery"),
		"preset.methods":       oneOrMore(textShape()),
		"preset.body":          textShape(),
		"preset.max_body":      textShape(),
		"preset.respond":       ref("respond"),
		"preset.with":          describe(oneOrSeveral(ref("with")), "further parameters"),
		"with.name":            textShape(),
		"with.note":            textShape(),
		"with.required":        {"enum": []any{true, false, "true", "false"}},
		"with.example":         describe(textShape(), "what the samples have there"),
		"handshake.name":       textShape(),
		"handshake.unverified": describe(shape{"enum": []any{true, false, "true", "false"}}, "answered although the request proves nothing"),
		"handshake.match":      describe(ref("match"), "all of these must hold; \"*\" is any value, ~ begins a regular expression"),
		"handshake.must":       describe(mapOf(textShape()), "a template, and the template that must yield the same text, or it is refused"),
		"handshake.refused":    describe(wholeShape(), "status when it is refused; default 403"),
		"handshake.learn":      describe(textShape(), "a secret that the sender gives, such as {header:X-Hook-Secret}"),
		"handshake.confirm":    describe(textShape(), "an address to fetch before the answer"),
		"handshake.hosts":      describe(oneOrMore(textShape()), "hosts that confirm may lead to"),
		"handshake.reply":      ref("reply"),
		"match.method":         textShape(),
		"match.json":           mapOf(textShape()),
		"match.header":         mapOf(textShape()),
		"match.query":          mapOf(textShape()),
		"match.form":           mapOf(textShape()),
		"reply.status":         wholeShape(),
		"reply.content_type":   textShape(),
		"reply.headers":        mapOf(textShape()),
		"reply.body":           describe(textShape(), "may hold {json:path} {header:Name} {query:name} {form:name}, with filters: {query:token|hmac-sha256|hex}"),
	}
}
