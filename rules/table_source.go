package rules

var sourceKeys = keys{"source", []row{
	{"preset", anyText(), "", "the sender: built in (`hookrouter preset list`) or one of `presets`"},
	{"verify", schemeValue(), "the preset's", "how it proves itself; none must be said, and is refused beyond loopback unless `allow_ip` says who"},
	{"secret", oneOrMore(anyText()), "", "shared secret or token, best as ${VAR} or ${file:/path}; of a list any may verify, the first signs"},
	{"key", oneOrMore(anyText()), "the preset's", "the sender's public key: PEM, hex, base64 or JWKS, best as ${file:/path}; of a list any may verify"},
	{"with", mappingTo(anyText()), "", "further parameters that the preset asks for: `hookrouter preset show NAME` lists them"},
	{"public_url", anyText(), "", "the address as the sender was told it, for senders that sign it"},
	{"path", value{"path", patternShape(validPath.String())}, "/in/NAME", "where it posts to"},
	{"methods", oneOrMore(methodValue()), "`POST`", "methods that are taken"},
	{"body", anyText(), "by Content-Type", "json, form, multipart, text, xml, none, or form.FIELD for JSON in a form field"},
	{"type", expressionValue(), "the preset's", "what kind of event it is, for `event` in expressions"},
	{"dedupe", expressionValue(), "the preset's", "over signed material, names the event; or the word digest or none"},
	{"max_body", sizeValue(), "`1MiB`", "largest body, at most 100MiB; more is answered 413"},
	{"respond", linked("respond"), "202 and the id", "the answer to a stored event"},
	{"unmatched", oneOf("keep", "reject"), "`keep`", "an event that no route wants; reject answers 404 and stores nothing"},
	{"handshake", several("handshake"), "the preset's", "what is answered instead of stored; a sender that gives its secret by one needs no `secret` here"},
	{"limit", linked("limit"), "no bound", "how much it may send; more is answered 429 or 503"},
	{"allow_ip", oneOrMore(anyText()), "anybody", "address or CIDR that may call; anybody else is answered as for a wrong signature"},
}, nil}

var respondKeys = keys{"respond", []row{
	{"status", wholeNumber(), "`202`", "200 to 299"},
	{"headers", mappingTo(anyText()), "", "headers of the answer"},
	{"body", anyText(), "the id", "body of the answer"},
	{"refused", wholeNumber(), "`401`", "status for a request that is not proved"},
}, nil}

// senderTables are what the blocks that package verify reads hold.
func senderTables() []keys {
	return []keys{
		{"preset", presetRows(), nil}, {"with", withRows(), nil}, {"handshake", handshakeRows(), nil}, {"match", matchRows(), nil},
		{"reply", replyRows(), nil}, {"verify", verifyRows(), nil}, {"place", placeRows(), nil}, {"timestamp", timestampRows(), nil},
		{"key", keyRows(), nil},
	}
}

func presetRows() []row {
	return []row{
		{"like", anyText(), "", "a preset that gives what this one does not say"},
		{"title", anyText(), "", "the sender's name"},
		{"docs", anyText(), "", "URL of the sender's own page"},
		{"verified", exactly("docs", "sdk", "secondary"), "", "how sure it is"},
		{"note", anyText(), "", "what a person who sets it up should know"},
		{"verify", schemeValue(), "required without like", "as of a source"},
		{"handshake", several("handshake"), "", "as of a source"},
		{"type", expressionValue(), "", "as of a source"},
		{"dedupe", expressionValue(), "`none`", "as of a source"},
		{"sender_id", anyText(), "", "header with the sender's own id of the delivery, kept for search"},
		{"methods", oneOrMore(anyText()), "`POST`", "as of a source"},
		{"body", anyText(), "by Content-Type", "as of a source"},
		{"max_body", anyText(), "`1MiB`", "as of a source"},
		{"respond", linked("respond"), "202 and the id", "as of a source"},
		{"with", several("with"), "", "further parameters that a source gives"},
	}
}

func withRows() []row {
	return []row{
		{"name", anyText(), "", "of the parameter, for {with:NAME}"},
		{"note", anyText(), "", "what it is and where it is found"},
		{"required", yesNo(), "`false`", "a source cannot be without it"},
		{"example", anyText(), "", "what the samples have there"},
	}
}

func handshakeRows() []row {
	return []row{
		{"name", anyText(), "", "what the log calls it"},
		{"unverified", yesNo(), "`false`", "answered although the request proves nothing"},
		{"match", linked("match"), required, "all of these must hold"},
		{"must", mappingTo(anyText()), "", "a template, and the template that must yield the same text, or it is refused"},
		{"refused", wholeNumber(), "`403`", "status when it is refused"},
		{"learn", anyText(), "", "a secret that the sender gives, such as {header:X-Hook-Secret}"},
		{"confirm", anyText(), "", "an address to fetch before the answer"},
		{"hosts", oneOrMore(anyText()), "required with confirm", "hosts that confirm may lead to"},
		{"reply", linked("reply"), required, "the answer"},
	}
}

func matchRows() []row {
	const what = ", with the text there; \"*\" is any, ~ begins a regular expression"
	return []row{
		{"method", anyText(), "`POST`", "method of the request"},
		{"json", mappingTo(anyText()), "", "paths in the body" + what},
		{"header", mappingTo(anyText()), "", "headers" + what},
		{"query", mappingTo(anyText()), "", "query parameters" + what},
		{"form", mappingTo(anyText()), "", "form fields" + what},
	}
}

func replyRows() []row {
	return []row{
		{"status", wholeNumber(), "`200`", "200 to 299"},
		{"content_type", exactly("text/plain", "application/json"), "`text/plain`", "of the body"},
		{"headers", mappingTo(anyText()), "", "headers; values may hold the same parts as the body"},
		{"body", anyText(), "", "may hold {json:path} {header:Name} {query:name} {form:name}, with filters: {query:token|hmac-sha256|hex}"},
	}
}

func verifyRows() []row {
	return []row{
		{"kind", exactly("hmac", "token", "ed25519", "ecdsa", "rsa", "jwt", "hash", "none"), required, "how it proves itself"},
		{"algorithm", oneOrMore(anyText()), "`sha256`", "sha256, sha1, sha384, sha512; for jwt, where it is required: HS256, RS256, ES256 and the like"},
		{"padding", exactly("pkcs1", "pss"), "`pkcs1`", "of rsa"},
		{"encoding", exactly("hex", "base64", "base64url"), "`hex`", "of the signature"},
		{"signature", linked("place"), "", "where it stands"},
		{"content", oneOrMore(anyText()), "`\"{body}\"`", "what is signed, such as {ts}.{body}; of several any may fit"},
		{"timestamp", linked("timestamp"), "", "when it was sent; it must be signed"},
		{"key", linked("key"), "", "how the secret becomes the key, or where public keys are"},
		{"document", anyText(), "the body", "what {json:…} reads: form:FIELD or multipart:FIELD"},
		{"must", mappingTo(anyText()), "", "a template, and the template that must yield the same text; what must be {with:NAME?} is asked only when the source has it"},
		{"token", linked("place"), "", "where it stands"},
		{"claims", mappingTo(oneOrMore(anyText())), "", "claims of a jwt, with the texts that they may have"},
		{"body_claims", mappingTo(oneOrMore(anyText())), "", "claims that are there when there is a body"},
		{"max_age", durationValue(), "", "of a jwt, since it was issued"},
		{"skew", durationValue(), "", "between the clocks, for a jwt"},
	}
}

func placeRows() []row {
	return []row{
		{"header", oneOrMore(anyText()), "", "a header; of a list the first that is there"},
		{"form", anyText(), "", "a form field"},
		{"query", anyText(), "", "a query parameter"},
		{"json", anyText(), "", "path in the body; * is every element"},
		{"basic", yesNo(), "`false`", "user:password of Authorization"},
		{"each", yesNo(), "`false`", "any of the headers that are there may prove it"},
		{"numbered", wholeNumber(), "", "the header's name goes on with a number up to this"},
		{"prefix", anyText(), "", "text before each value, such as sha256="},
		{"bare", yesNo(), "`false`", "the prefix may be missing"},
		{"groups", anyText(), "", "text between several lists"},
		{"separator", anyText(), "", "text between the elements of a list"},
		{"assign", anyText(), "", "text between key and value of an element"},
		{"field", anyText(), "", "key of the elements that count"},
	}
}

func timestampRows() []row {
	return []row{
		{"header", anyText(), "", "header that holds it"},
		{"field", anyText(), "", "key in the signature's list"},
		{"json", anyText(), "", "path in the body"},
		{"form", anyText(), "", "form field"},
		{"unit", exactly("s", "ms", "rfc3339", "http"), "`s`", "how it is written"},
		{"tolerance", anyText(), "", "in both directions"},
		{"past", anyText(), "", "instead of tolerance, for times that are over"},
		{"future", anyText(), "", "instead of tolerance, for times to come"},
	}
}

func keyRows() []row {
	return []row{
		{"strip", oneOrMore(anyText()), "", "text before the secret that does not count; of a list the first that is there"},
		{"encoding", exactly("raw", "base64", "hex"), "`raw`", "of the secret"},
		{"bare", exactly("raw", "base64", "hex"), "", "encoding of a secret without that text"},
		{"suffix", anyText(), "", "text after the secret"},
		{"derive", exactly("sha1", "sha256"), "", "the key is this hash of the secret"},
		{"length", wholeNumber(), "", "characters that secrets of this sender have; others are a warning"},
		{"url", anyText(), "", "where the sender publishes its keys"},
		{"hosts", oneOrMore(anyText()), "required with url", "hosts that url may lead to; * is one label or a part of it, and a path may follow"},
		{"json", anyText(), "", "where in the answer the key is"},
		{"post", anyText(), "", "a JSON body: the key is asked for by POST"},
	}
}
