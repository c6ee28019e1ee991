package router_test

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var update = flag.Bool("update", false, "write the list of metrics in docs/operations.md anew")

// TestMetrics: what dashboards and alerts are built on is there, and has a value for each source and destination.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h := open(t, publishRules)
	h.post("cms", "contentful", testSecret, publish(t))
	h.eventually(10*time.Second, "delivered", func() bool { return h.sink.Count() == 1 && h.status().Queue.Pending == 0 })
	text := h.metrics()
	for _, series := range []string{
		`hookrouter_events_total{result="accepted",source="cms"} 1`,
		`hookrouter_deliveries{destination="build",state="pending"} 0`,
		`hookrouter_deliveries{destination="build",state="dead"} 0`,
		`hookrouter_attempts_total{destination="build",result="ok"} 1`,
		`hookrouter_attempt_duration_seconds_count 1`,
		`hookrouter_ack_duration_seconds_count 1`,
		`hookrouter_oldest_pending_seconds{destination="build"} 0`,
		`hookrouter_breaker_state{destination="build"} 0`,
		`hookrouter_config_last_reload_successful 1`,
		`hookrouter_config_reloads_total{result="refused"} 0`,
		`hookrouter_config_hash `,
		`hookrouter_build_info{version="test"} 1`,
	} {
		if !strings.Contains(text, "\n"+series) {
			t.Errorf("no %s", series)
		}
	}
}

func (h *house) metrics() string {
	h.t.Helper()
	resp, err := http.Get("http://" + h.AdminAddr() + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// families are our own metrics, by name.
func (h *house) families() map[string]*dto.MetricFamily {
	h.t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(h.metrics()))
	if err != nil {
		h.t.Fatal(err)
	}
	maps.DeleteFunc(all, func(name string, _ *dto.MetricFamily) bool { return !strings.HasPrefix(name, "hookrouter_") })
	return all
}

// everyMetric has a source and a destination, and a rule that erred, which is counted only from the first time on.
const everyMetric = `
version: 1
sources: { open: { verify: none, body: json }, signed: { preset: stripe, secret: "${SECRET}" } }
destinations: { a: http://SINK/a }
routes:
  - { name: all, from: open, to: a }
  - { name: errs, from: open, when: "body.n + 9223372036854775807 > 0", to: a }
`

func everyMetricHouse(t *testing.T) *house {
	t.Helper()
	h := open(t, everyMetric)
	resp, err := http.Post("http://"+h.Addr()+"/in/open", "application/json", strings.NewReader(`{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	h.eventually(10*time.Second, "delivered", func() bool { return h.sink.Count() == 1 && h.status().Queue.Pending == 0 })
	return h
}

// TestMetricsAreWellFormed: as Prometheus's own linter wants them.
func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	problems, err := promlint.New(strings.NewReader(everyMetricHouse(t).metrics())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// TestSeriesComeFromTheRules: nothing that a stranger sends makes a series.
func TestSeriesComeFromTheRules(t *testing.T) {
	t.Parallel()
	h := everyMetricHouse(t)
	before := h.series()
	for i := range 300 {
		word := fmt.Sprintf("word%d", rand.Uint64())
		source := []string{word, "open", "signed"}[i%3]
		method := []string{http.MethodPost, http.MethodPut, strings.ToUpper(word)}[i/3%3]
		req, err := http.NewRequest(method, "http://"+h.Addr()+"/in/"+source, strings.NewReader(`{"type":"`+word+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = word + ".example"
		req.Header = http.Header{"User-Agent": {word}, "Content-Type": {"application/" + word}, "X-Forwarded-For": {"192.0.2." + fmt.Sprint(i%256)}, word: {word}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	h.eventually(10*time.Second, "delivered", func() bool { return h.status().Queue.Pending == 0 })
	after := h.series()
	for s := range before {
		delete(after, s)
	}
	if len(after) > 0 {
		t.Errorf("new series: %v", slices.Sorted(maps.Keys(after)))
	}
}

// series are our own, without their values.
func (h *house) series() map[string]bool {
	all := map[string]bool{}
	for name, f := range h.families() {
		for _, m := range f.GetMetric() {
			s := name
			for _, l := range m.GetLabel() {
				s += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
			}
			all[s] = true
		}
	}
	return all
}

const (
	pageBegin = "<!-- Made of /metrics by: go test ./router -run TestMetricsPage -update -->\n"
	pageEnd   = "<!-- The end of what is made. -->\n"
)

// TestMetricsPage: docs/operations.md lists the metrics as they are, and every metric and value in an alert there exists.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	h := everyMetricHouse(t)
	families, want := h.families(), ""
	for _, name := range slices.Sorted(maps.Keys(families)) {
		f := families[name]
		want += fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), labels(f), strings.ReplaceAll(f.GetHelp(), "|", `\|`))
	}
	want = pageBegin + "\n| metric | kind | labels | what it says |\n|---|---|---|---|\n" + want + "\n" + pageEnd
	file := filepath.Join("..", "docs", "operations.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := strings.Index(string(text), pageBegin), strings.Index(string(text), pageEnd)
	if begin < 0 || end < begin {
		t.Fatalf("%s has no place for the list", file)
	}
	end += len(pageEnd)
	if got := string(text[begin:end]); got != want && *update {
		if err := os.WriteFile(file, []byte(string(text[:begin])+want+string(text[end:])), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("the list in docs/operations.md is not what /metrics has: go test ./router -run TestMetricsPage -update\nwant\n%s", want)
	}
	for _, m := range regexp.MustCompile("`[^`]*(hookrouter_[a-z_]+)(?:\\{([a-z]+)=~?\"([^\"]*)\"})?[^`]*`").FindAllStringSubmatch(string(text), -1) {
		f, ok := families[m[1]]
		if !ok {
			t.Errorf("docs/operations.md: there is no metric %s", m[1])
			continue
		}
		for _, v := range strings.Split(strings.ReplaceAll(m[3], `\|`, "|"), "|") {
			if m[2] != "" && !slices.Contains(values(f)[m[2]], v) {
				t.Errorf("docs/operations.md: %s has no %s=%q", m[1], m[2], v)
			}
		}
	}
}

// labels are those of a metric, with their values where these do not come from the rules.
func labels(f *dto.MetricFamily) string {
	var all []string
	for name, vs := range values(f) {
		text := "`" + name + "`"
		switch name {
		case "source", "destination", "route":
			text += " of the rules"
		case "version":
		default:
			text += ": " + strings.Join(vs, ", ")
		}
		all = append(all, text)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return strings.Join(all, "; ")
}

// values are all that labels have, by label.
func values(f *dto.MetricFamily) map[string][]string {
	all := map[string][]string{}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if name, v := l.GetName(), l.GetValue(); !slices.Contains(all[name], v) {
				all[name] = append(all[name], v)
			}
		}
	}
	for _, vs := range all {
		slices.Sort(vs)
	}
	return all
}
