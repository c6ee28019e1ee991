package verify

import (
	"strconv"
	"strings"
	"testing"
)

func TestSlackHandshake(t *testing.T) {
	p, _ := Lookup("slack")
	r, err := Sample("slack", "url_verification")
	if err != nil {
		t.Fatal(err)
	}
	reply, is := Answer(p.Handshake, r, nil, true)
	if !is || reply.Status != 200 || string(reply.Body) != "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" {
		t.Fatalf("got %+v, %v", reply, is)
	}
	if got := reply.Header["Content-Type"]; len(got) != 1 || got[0] != "text/plain" {
		t.Errorf("content type %q", got)
	}
	if got := reply.Header["X-Content-Type-Options"]; len(got) != 1 || got[0] != "nosniff" {
		t.Errorf("sniffing allowed: %q", got)
	}
	if _, is := Answer(p.Handshake, r, nil, false); is {
		t.Error("an unverified challenge is answered")
	}
	event, err := Sample("slack", "app_mention")
	if err != nil {
		t.Fatal(err)
	}
	if _, is := Answer(p.Handshake, event, nil, true); is {
		t.Error("an event is taken for a handshake")
	}
}

func TestHandshakes(t *testing.T) {
	for _, c := range []struct {
		name, handshake, request, want string // request: METHOD URL header body; want: status type body, or "" for none
	}{
		{"query", `{unverified: true, match: {method: GET, query: {hub.mode: subscribe, hub.challenge: "*"}}, reply: {body: "{query:hub.challenge}"}}`,
			"GET /in/x?hub.mode=subscribe&hub.challenge=1158%20201444||", "200 text/plain 1158 201444"},
		{"query of another mode", `{unverified: true, match: {method: GET, query: {hub.mode: subscribe}}, reply: {body: "{query:hub.challenge}"}}`,
			"GET /in/x?hub.mode=unsubscribe&hub.challenge=1||", ""},
		{"other method", `{unverified: true, match: {query: {c: "*"}}, reply: {body: "{query:c}"}}`, "GET /?c=1||", ""},
		{"nothing to echo", `{unverified: true, match: {query: {a: x}}, reply: {body: "{query:b}"}}`, "POST /?a=x||", "400  "},
		{"twice", `{unverified: true, match: {query: {a: x}}, reply: {body: "{query:b}"}}`, "POST /?a=x&b=1&b=2||", "400  "},
		{"markup is text", `{unverified: true, match: {query: {c: "*"}}, reply: {body: "{query:c}"}}`,
			"POST /?c=%3Cscript%3E||", "200 text/plain <script>"},
		{"line break", `{unverified: true, match: {query: {c: "*"}}, reply: {body: "{query:c}"}}`, "POST /?c=a%0d%0aSet-Cookie:%20x||", "400  "},
		{"too long", `{unverified: true, match: {query: {c: "*"}}, reply: {body: "{query:c}"}}`,
			"POST /?c=" + strings.Repeat("x", 1025) + "||", "400  "},
		{"json in, json out", `{unverified: true, match: {json: {a.0.type: ping}}, reply: {content_type: application/json, body: '{{"challenge":"{json:c}"}}'}}`,
			`POST /||{"a":[{"type":"ping"}],"c":"x\"y\\<"}`, `200 application/json {"challenge":"x\"y\\\u003c"}`},
		{"broken json", `{unverified: true, match: {json: {type: ping}}, reply: {}}`, `POST /||{"type":"ping"`, ""},
		{"json list", `{unverified: true, match: {json: {0.type: ping}}, reply: {}}`, `POST /||[{"type":"ping"}]`, "200  "},
		{"header", `{unverified: true, match: {header: {x-hook-secret: "*"}}, reply: {status: 204, headers: {x-hook-secret: "{header:X-Hook-Secret}"}}}`,
			"POST /|X-Hook-Secret=s3|", "204  "},
		{"form", `{unverified: true, match: {form: {webhook_id: "*"}}, reply: {}}`, "POST /||webhook_id=4", "200  "},
		{"large body", `{unverified: true, match: {form: {webhook_id: "*"}}, reply: {}}`, "POST /||webhook_id=" + strings.Repeat("4", 64<<10), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			hs, problems := ParseHandshakes(node(t, c.handshake))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			reply, is := Answer(hs, handshakeRequest(c.request), nil, false)
			got := ""
			if is {
				kind, _, _ := strings.Cut(strings.Join(reply.Header["Content-Type"], ""), ";")
				got = strings.Join([]string{strconv.Itoa(reply.Status), kind, string(reply.Body)}, " ")
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func handshakeRequest(text string) *Request {
	line, rest, _ := strings.Cut(text, "|")
	header, body, _ := strings.Cut(rest, "|")
	r := &Request{Header: map[string][]string{}, Body: []byte(body)}
	r.Method, r.URL, _ = strings.Cut(line, " ")
	if name, value, is := strings.Cut(header, "="); is {
		r.set(name, value)
	}
	return r
}
