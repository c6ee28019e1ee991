package router_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

const bytesLimit = 100 << 10

const bytesRules = `version: 1
sources: { s: { preset: github, secret: "${SECRET}", max_body: 100KiB, dedupe: none } }
destinations:
  d: { url: http://SINK/, headers: { X-Sum: '$(hex(sha256(raw)))', X-Parsed: '$(body.id ?? "none")' } }
routes: [{ name: r, from: s, to: d }]
`

// TestSameBytesLong: the bytes that are verified are those that are stored, those that rules read and those that the
// destination gets; what is longer than the limit by one byte is none of these.
func TestSameBytesLong(t *testing.T) {
	bodies := 600
	if os.Getenv("HOOKROUTER_LONG") != "" {
		bodies = 30_000
	}
	h := open(t, bytesRules)
	sent := sync.Map{} // hash of the body -> its id, or "none"
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range bodies / 8 {
				body, id := randomBody(random)
				sent.Store(sha256.Sum256(body), id)
				if err := h.sendBytes(body, random.IntN(2) == 0); err != nil {
					t.Errorf("%d bytes, %.60q: %v", len(body), body, err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	h.eventually(30*time.Second, "everything is delivered", func() bool { return h.status().Queue.Pending == 0 })
	for _, r := range h.sink.Received() {
		id, was := sent.LoadAndDelete(r.Hash)
		if !was || r.Header.Get("X-Sum") != hex.EncodeToString(r.Hash[:]) || r.Header.Get("X-Parsed") != id {
			t.Errorf("%d bytes arrived that were not sent, or not so: rules saw the sum %s and the id %q, want %x and %q",
				r.Size, r.Header.Get("X-Sum"), r.Header.Get("X-Parsed"), r.Hash, id)
		}
	}
	sent.Range(func(_, id any) bool { t.Errorf("body %v did not arrive", id); return true })
}

// randomBody is JSON of any shape with an id, or any bytes; of any size, but often one where readers turn.
func randomBody(random *rand.Rand) (body []byte, id string) {
	edges := []int{4 << 10, 16 << 10, 32 << 10, 36 << 10, 64 << 10, 68 << 10, bytesLimit}
	size := random.IntN(bytesLimit)
	if random.IntN(2) == 0 {
		size = min(edges[random.IntN(len(edges))]+random.IntN(3)-1, bytesLimit)
	}
	size = max(size, 64)
	body = make([]byte, size)
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	if random.IntN(3) == 0 {
		return body, "none"
	}
	id = hex.EncodeToString(body[:8])
	pad := make([]rune, size/8)
	for i := range pad {
		pad[i] = []rune("a\u00e9\u2028\"\\/\n<\U0001f389")[random.IntN(9)]
	}
	text, _ := json.Marshal(string(pad))
	space := strings.Repeat(" \t\r\n", random.IntN(4))
	body = fmt.Appendf(nil, `%s{"pad":%s,%s"id" : "%s"}%[1]s`, space, text, space, id)
	return append(body, bytes.Repeat([]byte(" "), max(0, size-len(body)))...), id
}

// sendBytes sends a signed body, compares it with what was stored, and sees that the same with one byte over the limit is
// refused.
func (h *house) sendBytes(body []byte, chunked bool) error {
	status, answer, err := h.postSigned(body, chunked)
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("answer %d: %s", status, fmt.Sprint(err))
	}
	stored, err := h.api.Body(h.t.Context(), h.idOf(answer))
	if err != nil || !bytes.Equal(stored, body) {
		return fmt.Errorf("%d bytes are stored: %s", len(stored), fmt.Sprint(err))
	}
	if len(body) != bytesLimit {
		return nil
	}
	if status, _, err := h.postSigned(append(body, ' '), chunked); err != nil || status != http.StatusRequestEntityTooLarge {
		return fmt.Errorf("one byte more is answered %d: %s", status, fmt.Sprint(err))
	}
	return nil
}

func (h *house) postSigned(body []byte, chunked bool) (status int, answer []byte, err error) {
	p, _ := verify.Lookup("github")
	v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{testSecret}})
	if err != nil {
		return 0, nil, err
	}
	r := &verify.Request{Method: http.MethodPost, URL: "http://" + h.Addr() + "/in/s", Header: http.Header{}, Body: body}
	if err := v.Sign(r, time.Now()); err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequest(r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if req.Header = r.Header; chunked {
		req.ContentLength = -1
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
