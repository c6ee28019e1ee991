package ingest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

var dateLine = regexp.MustCompile(`(?m)^Date: .*\r\n`)

// wire is the answer as its bytes were on the connection, without the date.
func (r *rig) wire(req *http.Request) string {
	r.t.Helper()
	conn := r.dial()
	req.Close = true
	if err := req.Write(conn); err != nil {
		r.t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		r.t.Fatal(err)
	}
	return dateLine.ReplaceAllString(string(got), "")
}

// TestRefusalsLookAlike: who forges learns nothing from the answer but that it was refused.
func TestRefusalsLookAlike(t *testing.T) {
	r := newRig(t)
	signature := map[string]string{"github": "X-Hub-Signature-256", "slack": "X-Slack-Signature", "stripe": "Stripe-Signature", "token": "X-Pass"}
	for source, header := range signature {
		src, _ := r.rules.Load().Source(source)
		old := r.request(source, `{}`)
		if source == "slack" || source == "stripe" {
			req := &verify.Request{Method: "POST", URL: src.Path, Header: old.Header, Body: []byte(`{}`)}
			if err := src.Verifier.Sign(req, time.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		} else {
			old.Header.Del(header)
		}
		causes := map[string]*http.Request{
			"missing": r.request(source, `{}`), "malformed": r.request(source, `{}`), "wrong key": r.request(source, `{}`),
			"twice": r.request(source, `{}`), "long": r.request(source, `{}`), "old": old,
		}
		causes["missing"].Header.Del(header)
		causes["malformed"].Header.Set(header, "nonsense")
		causes["wrong key"].Header.Set(header, flip(causes["wrong key"].Header.Get(header)))
		causes["twice"].Header.Add(header, causes["twice"].Header.Get(header))
		causes["long"].Header.Set(header, strings.Repeat("0", 4000))
		first := ""
		for cause, req := range causes {
			got := r.wire(req)
			if !strings.HasPrefix(got, "HTTP/1.1 401 ") {
				t.Errorf("%s, %s: %q", source, cause, got)
			}
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s, %s: %q differs from %q", source, cause, got, first)
			}
		}
	}
}

// flip changes the last character into another of its kind.
func flip(s string) string {
	last := byte('0')
	if s[len(s)-1] == '0' {
		last = '1'
	}
	return s[:len(s)-1] + string(last)
}

func TestForgedEventLeavesNoTrace(t *testing.T) {
	r := newRig(t)
	genuine := r.send("github", `{"before":true}`)
	if genuine.Status != 202 {
		t.Fatal(genuine)
	}
	records, size, keys := r.log.Len(), r.log.Health().Bytes, r.queue.Stats().DedupeKeys
	const body = `{"marker":"body-that-nobody-may-see"}`
	for range 100 {
		req := r.request("github", body)
		req.Header.Set("X-Hub-Signature-256", flip(req.Header.Get("X-Hub-Signature-256")))
		if got := r.do(req); got.Status != 401 {
			t.Fatal(got)
		}
	}
	if r.log.Len() != records || r.log.Health().Bytes != size || r.queue.Stats().DedupeKeys != keys {
		t.Errorf("log %d records, %d bytes, %d dedupe keys; before %d, %d, %d",
			r.log.Len(), r.log.Health().Bytes, r.queue.Stats().DedupeKeys, records, size, keys)
	}
	if strings.Contains(r.logged.String(), "marker") {
		t.Error("the log holds the body of a forged request")
	}
	if n := strings.Count(r.logged.String(), "request refused"); n == 0 || n > 50 {
		t.Errorf("%d lines logged for 100 forgeries: some are wanted, not all", n)
	}
	if _, duplicate := r.send("github", body).receipt(t); duplicate {
		t.Error("a forged event made the genuine one a duplicate")
	}
}

func TestRefusalsAreKeptForTheOperator(t *testing.T) {
	r := newRig(t)
	for i := range 60 {
		req := r.request("token", fmt.Sprintf(`{"n":%d}`, i))
		req.Header.Set("X-Pass", "guessed-pass")
		req.Header.Set("Authorization", "Bearer guessed-bearer")
		req.Header.Set("X-Number", fmt.Sprint(i))
		req.Header.Set("X-Long", strings.Repeat("l", 5000))
		r.do(req)
	}
	got := r.ingest.Refusals("token")
	if len(got) != 50 {
		t.Fatalf("%d refusals are kept, want 50", len(got))
	}
	for i, x := range got {
		if want := fmt.Sprint(59 - i); x.Header.Get("X-Number") != want {
			t.Fatalf("refusal %d is number %s, want %s", i, x.Header.Get("X-Number"), want)
		}
	}
	x := got[0]
	if x.Status != 401 || x.Reason == "" || x.BodyLength != 8 || len(x.BodySHA256) != 64 || time.Since(x.At) > time.Minute {
		t.Errorf("refusal %+v", x)
	}
	if all := fmt.Sprint(got); strings.Contains(all, "guessed") || strings.Contains(all, strings.Repeat("l", 300)) {
		t.Errorf("a secret or a long value is kept: %v", x.Header)
	}
}

// TestStoredEventHoldsNoSecret: a token proves the sender and has then done its work.
func TestStoredEventHoldsNoSecret(t *testing.T) {
	r := newRig(t)
	for _, source := range []string{"token", "ticket"} {
		req := r.request(source, `{}`)
		if source == "ticket" {
			req.URL.RawQuery += "&other=1"
		}
		if got := r.do(req); got.Status != 202 {
			t.Fatalf("%s: %+v", source, got)
		}
	}
	for e, err := range r.log.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(e.Record, []byte(secret)) {
			t.Errorf("a record holds the secret: %q", e.Record)
		}
		if bytes.Contains(e.Record, []byte("ticket=")) {
			if !bytes.Contains(e.Record, []byte("ticket=***&other=1")) {
				t.Errorf("the rest of the query is not what came: %q", e.Record)
			}
			return
		}
	}
}

func TestHandshakeIsAnsweredAndNotStored(t *testing.T) {
	r := newRig(t)
	const body = `{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}`
	got := r.send("slack", body)
	if got.Status != 200 || got.Body != "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" {
		t.Errorf("answer %+v", got)
	}
	forged := r.request("slack", body)
	forged.Header.Set("X-Slack-Signature", flip(forged.Header.Get("X-Slack-Signature")))
	if got := r.do(forged); got.Status != 401 {
		t.Errorf("a forged handshake is answered %+v", got)
	}
	results := r.ingest.Stats("slack").Results
	if r.log.Len() != 0 || results["handshake"] != 1 || results["accepted"] != 0 {
		t.Errorf("%d records, results %v", r.log.Len(), results)
	}
}

// readAnswer reads one answer from a connection that a test speaks on by itself.
func readAnswer(t *testing.T, r io.Reader) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}
