package verify

import "testing"

func TestOptionalParameterIsAskedWhenGiven(t *testing.T) {
	s := mustScheme(t, `{kind: token, token: {header: X-Token}, must: {"{json:topic}": "{with:topic?}"}}`)
	for _, c := range []struct {
		with string
		ok   bool
	}{{"", true}, {"news", true}, {"weather", false}} {
		v, err := New(s, Keys{Secrets: []string{"a token"}, With: map[string]string{"topic": c.with}})
		if err != nil {
			t.Fatal(err)
		}
		r := &Request{Method: "POST", URL: "/", Header: map[string][]string{"X-Token": {"a token"}}, Body: []byte(`{"topic":"news"}`)}
		if err := v.Verify(r, signingTime()); (err == nil) != c.ok {
			t.Errorf("topic %q: %v", c.with, err)
		}
	}
}

func TestPinnedAddresses(t *testing.T) {
	ring := keyring{hosts: []string{"keys.example.com", "sns.*.amazonaws.com/*.pem"}}
	for address, want := range map[string]bool{
		"https://keys.example.com/any/path":                     true,
		"https://sns.eu-west-1.amazonaws.com/Service-1.pem":     true,
		"https://SNS.eu-west-1.amazonaws.com:443/Service-1.pem": true,
		"https://sns.eu-west-1.amazonaws.com/Service-1.pem#a":   false,
		"https://sns.eu-west-1.amazonaws.com/a?b=.pem":          false,
		"https://sns.eu-west-1.amazonaws.com/a/Service-1.pem":   false,
		"https://sns.eu-west-1.amazonaws.com":                   false,
		"https://sns.a.b.amazonaws.com/Service-1.pem":           false,
		"https://sns.amazonaws.com/Service-1.pem":               false,
		"https://evil.example.com/sns.a.amazonaws.com/x.pem":    false,
		"https://a@sns.eu-west-1.amazonaws.com/Service-1.pem":   false,
		"http://sns.eu-west-1.amazonaws.com/Service-1.pem":      false,
	} {
		if got := ring.pinned(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
