package ingest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// TestForgedRequestsCostLittle: before it is proved, a request costs its body and not much more memory, and leaves
// nothing: no record, no dedupe key, and a log that does not grow with what is sent.
func TestForgedRequestsCostLittle(t *testing.T) {
	r := newRig(t)
	if got := r.send("github", `{"before":true}`); got.Status != 202 {
		t.Fatal(got)
	}
	records, size, keys := r.log.Len(), r.log.Health().Bytes, r.queue.Stats().DedupeKeys
	for _, bytes := range []int{0, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("x", bytes)
			forged := func(n int) (taken uint64) {
				requests := make([]*http.Request, n)
				for i := range requests {
					requests[i] = r.forged("github", body, chunked)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for _, req := range requests {
					w := nowhere{http.Header{}}
					r.ingest.ServeHTTP(w, req)
				}
				runtime.ReadMemStats(&after)
				return (after.TotalAlloc - before.TotalAlloc) / uint64(n)
			}
			forged(20) // so that what is kept between requests is there
			// The race detector has pools lose a quarter of what is put into them.
			taken, most := forged(100), uint64(bytes+bytes*3/8+32<<10)
			t.Logf("%d bytes, chunked %v: %d bytes of memory", bytes, chunked, taken)
			if taken > most {
				t.Errorf("%d bytes, chunked %v: %d bytes of memory for each, %d are allowed", bytes, chunked, taken, most)
			}
		}
	}
	if n := r.ingest.Stats("github").Results["unverified"]; n != 12*120 {
		t.Errorf("%d requests were unverified: %v", n, r.ingest.Stats("github").Results)
	}
	if r.log.Len() != records || r.log.Health().Bytes != size || r.queue.Stats().DedupeKeys != keys {
		t.Errorf("log %d records, %d bytes, %d dedupe keys; before %d, %d, %d",
			r.log.Len(), r.log.Health().Bytes, r.queue.Stats().DedupeKeys, records, size, keys)
	}
	if n := len(r.logged.String()); n > 64<<10 {
		t.Errorf("%d bytes were logged", n)
	}
}

// forged is a request as a server sees it, with long headers and a signature that is none.
func (r *rig) forged(source, body string, chunked bool) *http.Request {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/in/"+source, io.NopCloser(strings.NewReader(body)))
	req.ContentLength = int64(len(body))
	if chunked {
		req.ContentLength = -1
	}
	req.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	for i := range 20 {
		req.Header.Set(fmt.Sprintf("X-Long-%d", i), strings.Repeat("long\x1b", 500))
	}
	return req
}
