package verify

import "testing"

func TestContentfulCanonicalRequest(t *testing.T) {
	r := &Request{
		Method: "post", URL: "/in/cms", Body: []byte("body"),
		Header: map[string][]string{
			"X-Contentful-Signed-Headers": {"X-Contentful-Topic, content-type"},
			"X-Contentful-Timestamp":      {"1603379941037"},
			"X-Contentful-Topic":          {" ContentManagement.Entry.publish "},
			"Content-Type":                {"application/json"},
			"X-Not-Signed":                {"x"},
		},
	}
	const headers = "content-type:application/json;" +
		"x-contentful-signed-headers:content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic;" +
		"x-contentful-timestamp:1603379941037;x-contentful-topic:ContentManagement.Entry.publish\n"
	for url, want := range map[string]string{
		"/in/cms":                           "POST\n/in/cms\n" + headers,
		"https://hooks.example.com":         "POST\n/\n" + headers,
		"https://hooks.example.com/a b/ü?x": "POST\n/a%20b/%C3%BC?x\n" + headers,
		"/in/cms?env=a b&x=1":               "POST\n/in/cms?env%253Da%2520b%2526x%253D1\n" + headers,
		"/in/cms?":                          "POST\n/in/cms\n" + headers,
	} {
		got, err := contentfulRequest(&scene{r: r, public: url})
		if err != nil || got != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", url, err, got, want)
		}
	}
	if _, err := contentfulRequest(&scene{r: r, public: "/in/cms?a?b"}); err == nil {
		t.Error("a second ? is accepted")
	}
}

// Behind a proxy that changes the path, the configured address is what was signed.
func TestPublicURLIsSigned(t *testing.T) {
	p, _ := Lookup("contentful")
	secret := secretFor(p.Verify, 'a')
	outside := sampleOf(t, "contentful")
	outside.URL = "https://www.example.com/hooks/cms"
	if err := mustNewAt(t, p.Verify, "", secret).Sign(outside, signingTime()); err != nil {
		t.Fatal(err)
	}
	outside.URL = "/in/cms" // what arrives
	if mustNewAt(t, p.Verify, "", secret).Verify(outside, signingTime()) == nil {
		t.Error("another path is accepted")
	}
	if err := mustNewAt(t, p.Verify, "https://www.example.com/hooks/cms", secret).Verify(outside, signingTime()); err != nil {
		t.Error(err)
	}
}

func mustNewAt(t *testing.T, s Scheme, url, secret string) *Verifier {
	t.Helper()
	v, err := New(s, Keys{Secrets: []string{secret}, PublicURL: url})
	if err != nil {
		t.Fatal(err)
	}
	return v
}
