package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/rules/lang"
)

const renderFile = `
version: 1
presets:
  tokened: { verify: { kind: token, token: { header: x-token } }, methods: [POST] }
sources:
  s: { preset: tokened, secret: "${SECRET}" }
destinations:
  d:
    url: http://host:8080/base/$(body.v)/p-$(body.v)?k=$(body.v)&t=${TOKEN}
    headers: { x-v: "v$(body.v)", authorization: "Bearer ${TOKEN}" }
    query: { q: "$(body.v)", t: "${TOKEN}" }
  all: http://all/
  made: { url: "http://made/" }
routes:
  - { name: d, from: s, to: d }
  - { name: all, from: "*", to: all }
  - { name: made, from: s, to: made, transform: "body.skip ? skip(body.v) : {v: body.v}" }
`

func render(t testing.TB, set *rules.Set, route string, ev *event.Event) (*rules.Request, error) {
	t.Helper()
	return set.Render(ev, &event.Delivery{ID: event.NewDeliveryID(now), Route: route, Destination: route}, 3)
}

// TestPayloadStaysInItsPlace throws hostile text at a URL and a header: scheme, host, port, the number of segments and
// of parameters never change, and no line break gets through.
func TestPayloadStaysInItsPlace(t *testing.T) {
	set := parse(t, renderFile)
	alphabet := []rune("./\\%@:?#&=;+ \t\r\n\x00\x1b\x7f2eEfF～．／ü日\u2028\u202e'\"<>${}()[]|^`~a0")
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 5_000 {
		v := make([]rune, random.IntN(8))
		for i := range v {
			v[i] = alphabet[random.IntN(len(alphabet))]
		}
		body, err := json.Marshal(map[string]string{"v": string(v)})
		if err != nil {
			t.Fatal(err)
		}
		ev := newEvent("s", string(body))
		req, err := render(t, set, "d", ev)
		var bad *rules.RuleError
		if errors.As(err, &bad) {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", string(v), err)
		}
		inPlace(t, string(v), req)
	}
	if refused == 0 || refused > 4_000 {
		t.Errorf("%d of 5000 were refused: the test says nothing", refused)
	}
}

func inPlace(t *testing.T, v string, req *rules.Request) {
	t.Helper()
	u, err := url.Parse(req.URL)
	if err != nil {
		t.Fatalf("%q: %v", v, err)
	}
	query, err := url.ParseQuery(u.RawQuery)
	segments := strings.Split(u.EscapedPath(), "/")
	clean := u.JoinPath().EscapedPath() == u.EscapedPath() // cleaning finds no dots
	if err != nil || u.Scheme != "http" || u.Host != "host:8080" || u.User != nil || u.Fragment != "" || !clean ||
		len(segments) != 4 || len(query) != 3 || query.Get("k") != v || query.Get("q") != v {
		t.Errorf("%q became %s", v, req.URL)
	}
	if s, err := url.PathUnescape(segments[2]); err != nil || s != v {
		t.Errorf("%q became segment %q", v, segments[2])
	}
	for name, values := range req.Header {
		if len(values) != 1 || strings.ContainsAny(values[0], "\r\n\x00\x1b\x7f") {
			t.Errorf("%q: header %s is %q", v, name, values)
		}
	}
}

// TestNoSecretIsShown looks for the values of references in everything that is for people.
func TestNoSecretIsShown(t *testing.T) {
	set := parse(t, renderFile+"tests:\n  - { name: t, given: { source: s, body: { v: x } }, expect: { d: { url: x, headers: { authorization: x } } } }\n")
	ev := newEvent("s", `{"v": "x"}`)
	ev.Header["X-Token"] = []string{variables["SECRET"]}
	req, err := render(t, set, "d", ev)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(req.URL, "canary") || !strings.Contains(req.Header["Authorization"][0], "canary") {
		t.Fatal("the request itself must hold the values")
	}
	_, nilErr := render(t, set, "d", newEvent("s", `{"v": "\n"}`))
	d, _ := set.Destination("d")
	shown := fmt.Sprint(req.MaskedURL, req.Masked(), d.URL, set.Warnings(), set.Test(nil), nilErr, set.Hash(), set.Watched())
	if strings.Contains(shown, "canary") {
		t.Errorf("a secret is shown: %s", shown)
	}
	if want := "http://host:8080/base/x/p-x?k=x&t=***&q=x&t=***"; req.MaskedURL != want {
		t.Errorf("masked URL %q, want %q", req.MaskedURL, want)
	}
	if d.URL != "http://host:8080/base/$(body.v)/p-$(body.v)?k=$(body.v)&t=***" || !d.Templated {
		t.Errorf("URL for people: %q", d.URL)
	}
}

// TestSecretOfTheSenderStaysHere follows the header that carries it, also when its source is gone.
func TestSecretOfTheSenderStaysHere(t *testing.T) {
	set := parse(t, renderFile)
	for _, source := range []string{"s", "gone"} {
		ev := newEvent(source, `{"v": "x"}`)
		ev.Header["X-Token"] = []string{variables["SECRET"]}
		req, err := render(t, set, "all", ev)
		if err != nil {
			t.Fatal(err)
		}
		if _, passed := req.Header["X-Token"]; passed {
			t.Errorf("source %q: the token was passed on", source)
		}
		if _, passed := req.Header["Content-Type"]; !passed || string(req.Body) != `{"v": "x"}` {
			t.Errorf("source %q: body or its type are not passed on", source)
		}
	}
}

func TestSkipAndErrors(t *testing.T) {
	set := parse(t, renderFile)
	_, err := render(t, set, "made", newEvent("s", `{"skip": true, "v": "why"}`))
	var skip *lang.Skip
	if !errors.As(err, &skip) || skip.Reason != "why" {
		t.Errorf("skip: %v", err)
	}
	_, err = render(t, set, "d", newEvent("s", `{"v": null}`))
	var bad *rules.RuleError
	if !errors.As(err, &bad) || bad.Part != "url" || bad.Route != "d" || bad.Destination != "d" {
		t.Errorf("nil in a URL: %v", err)
	}
	_, err = render(t, set, "d", newEvent("s", `{"v": "`+strings.Repeat("a", 1<<20)+`"}`))
	if !errors.As(err, &bad) {
		t.Errorf("1 MiB in a URL: %v", err)
	}
}

// TestASetIsSharedSafely uses one Set from many goroutines: the race detector watches, and all get the same.
func TestASetIsSharedSafely(t *testing.T) {
	set := parse(t, renderFile+"tests:\n  - { name: t, given: { source: s, body: { v: x } }, expect: { d: {}, all: {}, made: {} } }\n")
	want, err := render(t, set, "made", newEvent("s", `{"v": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				ev := newEvent("s", `{"v": "x"}`)
				if _, err := set.Accept(ev, now); err != nil {
					t.Error(err)
				}
				for _, route := range []string{"d", "all", "made"} {
					if _, err := render(t, set, route, ev); err != nil {
						t.Error(err)
					}
				}
				got, _ := render(t, set, "made", ev)
				if !reflect.DeepEqual(got.Body, want.Body) || got.URL != want.URL {
					t.Errorf("got %s %s", got.URL, got.Body)
				}
				got.Header["X"] = nil // the caller's own
				if r := set.Test(nil); !r[0].Passed {
					t.Error(r)
				}
			}
		})
	}
	group.Wait()
}
