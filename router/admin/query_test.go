package admin

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

func testLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestQueryIsReadStrictly(t *testing.T) {
	for query, hint := range map[string]string{
		"":                                    "",
		"state=dead&limit=1000":               "",
		"since=2026-01-02T15:04:05Z":          "",
		"until=2026-01-02T15:04:05.5%2B01:00": "",
		"stat=dead":                           "unknown parameter",
		"state=ded":                           `"ded"`,
		"state=dead&state=dead":               "2 times",
		"limit=0":                             "limit",
		"limit=1001":                          "limit",
		"limit=x":                             "limit",
		"since=yesterday":                     "since",
		"until=1":                             "until",
		"source=%zz":                          "query",
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/events", nil)
		r.URL.RawQuery = query
		_, err := parseQuery(r, "dead")
		var p *problem
		switch {
		case hint == "" && err != nil:
			t.Errorf("%s: %v", query, err)
		case hint != "" && (!errors.As(err, &p) || p.status != http.StatusBadRequest || !strings.Contains(p.detail, hint)):
			t.Errorf("%s: error %v, want one about %s", query, err, hint)
		}
	}
}

func TestQueryReachesTheQueue(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/?source=a&type=b&route=c&destination=d&sender_id=e&state=dead&limit=7&cursor=f&since=2026-01-02T15:04:05%2B01:00&until=2026-01-03T00:00:00Z", nil)
	got, err := parseQuery(r, "dead")
	if err != nil {
		t.Fatal(err)
	}
	got.Filter = nil
	if got.Source != "a" || got.Type != "b" || got.Route != "c" || got.Destination != "d" || got.SenderID != "e" || got.State != "dead" ||
		got.Limit != 7 || got.Cursor != "f" || !got.Since.Equal(time.Date(2026, 1, 2, 14, 4, 5, 0, time.UTC)) || got.Until.Day() != 3 {
		t.Errorf("query %+v", got)
	}
}

func TestPlacesRoundTrip(t *testing.T) {
	for _, p := range []place{{pos: 1 << 40, index: 3}, {pos: 7, index: 1}} {
		back, err := parsePlace(p.String())
		if err != nil || back != p || back.after() != p.pos-1 {
			t.Errorf("%v: %v, %v", p, back, err)
		}
	}
	if p, err := parsePlace("12"); err != nil || p.after() != queue.Pos(12) {
		t.Errorf("a bare position: %v, %v", p, err)
	}
}

func TestPublicHealthTellsNoReason(t *testing.T) {
	h := Health(func() error { return errors.New("disk /data is full") })
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/other": 404} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		if rec.Code != want || strings.Contains(rec.Body.String(), "disk") {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	rec := httptest.NewRecorder()
	Health(nil).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if rec.Code != 200 {
		t.Errorf("without a reason not to be: %d", rec.Code)
	}
}
