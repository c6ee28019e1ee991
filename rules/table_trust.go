package rules

// trustRows are the keys by which a destination knows us, and we it.
func trustRows() []row {
	return []row{
		{"sign", oneOrMore(anyText()), "", "a key that signs each request as Standard Webhooks: whsec_… or whsk_…, as ${VAR} or ${file:/path}; of a list each signs"},
		{"auth", linked("auth"), "", "how the destination knows who calls"},
		{"tls", linked("tls"), "the system's authorities", "whom to trust, and how the destination can trust us"},
	}
}

var authKeys = keys{"auth", []row{
	{"bearer", anyText(), "", "a token, as ${VAR} or ${file:/path}"},
	{"basic", linked("basic"), "", "a name and a password; one of the three must be there, and no other"},
	{"oauth2", linked("oauth2"), "", "a token that is got when it is needed, by client credentials"},
}, nil}

var basicKeys = keys{"basic", []row{
	{"username", anyText(), required, "without a colon"},
	{"password", anyText(), required, "as ${VAR} or ${file:/path}"},
}, nil}

var oauth2Keys = keys{"oauth2", []row{
	{"token_url", anyText(), required, "where tokens are given"},
	{"client_id", anyText(), required, "who asks"},
	{"client_secret", anyText(), required, "as ${VAR} or ${file:/path}"},
	{"scopes", oneOrMore(anyText()), "none", "what the token is for"},
	{"params", mappingTo(anyText()), "", "what else the endpoint wants to know, such as audience"},
	{"client_auth", oneOf("basic", "post"), "`basic`", "where id and secret stand: in a header, or in the body"},
	{"tls", linked("tls"), "the system's authorities", "for the token endpoint"},
}, nil}

var tlsKeys = keys{"tls", []row{
	{"ca", anyText(), "the system's", "authorities in PEM, best as ${file:/path}: those count, and no others"},
	{"cert", anyText(), "none", "our certificate and its chain in PEM, best as ${file:/path}"},
	{"key", anyText(), "none", "its private key in PEM, as ${file:/path}"},
	{"server_name", anyText(), "the URL's host", "the name in the other side's certificate"},
	{"min_version", value{"`1.2` `1.3`", anyOf(shape{"enum": []any{"1.2", "1.3", 1.2, 1.3}}, oneOf().shape)}, "`1.2`", "oldest version of TLS"},
}, nil}
