package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

const ownSource = `version: 1
sources:
  own:
    secret: the-secret-of-the-file
    verify:
      kind: hmac
      signature: { header: X-Sig, prefix: "v1=" }
      content: "{ts}.{body}"
      timestamp: { header: X-Time }
`

// TestSendAsOwnSource: a scheme of the file's own is signed with the secret that was asked for, and headers go along.
func TestSendAsOwnSource(t *testing.T) {
	scheme := verify.Scheme{
		Kind: verify.KindHMAC, Content: verify.Texts{"{ts}.{body}"},
		Signature: &verify.Place{Header: []string{"X-Sig"}, Prefix: "v1="}, Timestamp: &verify.Timestamp{Header: "X-Time"},
	}
	dir := t.TempDir()
	file, body := filepath.Join(dir, "own.yaml"), filepath.Join(dir, "body.json")
	for name, text := range map[string]string{file: ownSource, body: `{"id":1}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range []string{"", "another-secret-than-that"} {
		signed := "the-secret-of-the-file"
		if secret != "" {
			signed = secret
		}
		v, err := verify.New(scheme, verify.Keys{Secrets: []string{signed}})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		kind := make(chan string, 1)
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			got <- v.Verify(&verify.Request{Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header, Body: text}, time.Now())
			kind <- r.Header.Get("X-Event")
		}))
		c := &cli{stdout: io.Discard, stderr: io.Discard, env: func(string) (string, bool) { return "", false }}
		args := []string{"send", "own", "-c", file, "--to", server.URL, "--body", body, "--header", "x-event: order.created"}
		if secret != "" {
			args = append(args, "--secret", secret)
		}
		code := execute(c, args)
		server.Close()
		if code != exitOK {
			t.Fatalf("secret %q: exit code %d", secret, code)
		}
		if err := <-got; err != nil {
			t.Errorf("secret %q: %v", secret, err)
		}
		if k := <-kind; k != "order.created" {
			t.Errorf("header X-Event is %q", k)
		}
	}
}
