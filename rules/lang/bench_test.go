package lang

import (
	"fmt"
	"strings"
	"testing"
)

// pushBody is about 6.7 KB in the shape of a GitHub push: mostly addresses.
func pushBody() []byte {
	var b strings.Builder
	b.WriteString(`{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",`)
	b.WriteString(`"repository":{"id":35129377,"name":"public-repo","full_name":"baxterthehacker/public-repo","private":false,"owner":{"login":"baxterthehacker","id":6752317},`)
	for i := range 52 {
		fmt.Fprintf(&b, `"link_%02d_url":"https://api.github.com/repos/baxterthehacker/public-repo/link_%02d{/sha}",`, i, i)
	}
	b.WriteString(`"description":"","fork":false,"created_at":1430869212,"size":0,"stargazers_count":0,"language":null,"has_issues":true,"default_branch":"main"},`)
	b.WriteString(`"pusher":{"name":"baxterthehacker","email":"baxter@example.com"},"created":false,"deleted":false,"commits":[`)
	for i := range 4 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%040d","distinct":true,"message":"Update README.md\n\nline","timestamp":"2015-05-05T19:40:15-04:00",`+
			`"url":"https://github.com/baxterthehacker/public-repo/commit/%040d","author":{"name":"Zoë","email":"z@example.com"},`+
			`"added":[],"removed":[],"modified":["README.md","docs/a.md"]}`, i, i)
	}
	b.WriteString(`],"compare":"https://github.com/baxterthehacker/public-repo/compare/6113728f27ae...59b20b8d5c6f"}`)
	return []byte(b.String())
}

func BenchmarkCheck(b *testing.B) {
	text := string(pushBody())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkRun(b *testing.B, kind Kind, src string, fresh bool) {
	p, err := Compile(src, kind)
	if err != nil {
		b.Fatal(err)
	}
	raw := pushBody()
	header := map[string][]string{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}}
	env := &Env{Event: "push", Header: header, Raw: raw, Body: NewBody("", header, raw, "POST")}
	b.ReportAllocs()
	for b.Loop() {
		if fresh {
			env = &Env{Event: "push", Header: header, Raw: raw, Body: NewBody("", header, raw, "POST")}
		}
		if _, err := p.Run(env); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMatch is one event through one condition, the check of its body included.
func BenchmarkMatch(b *testing.B) { benchmarkRun(b, When, `body.ref == "refs/heads/main"`, true) }

// BenchmarkMatchAgain is one more condition on an event that was checked already.
func BenchmarkMatchAgain(b *testing.B) { benchmarkRun(b, When, `body.ref == "refs/heads/main"`, false) }

func BenchmarkMatchEvent(b *testing.B) {
	benchmarkRun(b, When, `event == "push" and headers["X-GitHub-Event"] == "push"`, true)
}

func BenchmarkMatchMany(b *testing.B) {
	benchmarkRun(b, When, `body.ref startsWith "refs/heads/" and body.repository.default_branch in ["main", "master"] and `+
		`any(body.commits, any(.modified, # startsWith "docs/")) and not body.deleted`, true)
}

func BenchmarkTransform(b *testing.B) {
	benchmarkRun(b, Transform, `{ref: body.ref, by: body.pusher.name, commits: map(body.commits, {{id: .id[0:7], text: .message}})}`, true)
}

func BenchmarkWholeBody(b *testing.B) { benchmarkRun(b, Transform, `body`, true) }

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(`event endsWith "Entry.publish" and body.sys.contentType.sys.id in ["page", "post"]`, When); err != nil {
			b.Fatal(err)
		}
	}
}
