package main

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionTellsTheBuild(t *testing.T) {
	for name, c := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"a release": {
			built("v1.2.0", "vcs.revision", "e86325bdad80", "vcs.time", "2026-11-25T17:32:44Z", "vcs.modified", "false"),
			"hookrouter v1.2.0 GO\ncommit e86325bdad80 of 2026-11-25T17:32:44Z\n",
		},
		"changes that no commit has": {
			built("v1.2.0+dirty", "vcs.revision", "e86325bdad80", "vcs.time", "2026-11-25T17:32:44Z", "vcs.modified", "true"),
			"hookrouter v1.2.0+dirty GO\ncommit e86325bdad80 of 2026-11-25T17:32:44Z, with changes\n",
		},
		"installed as a module":     {built("v1.2.0"), "hookrouter v1.2.0 GO\n"},
		"outside a checkout":        {built("(devel)"), "hookrouter devel GO\n"},
		"a version that is not set": {built(""), "hookrouter devel GO\n"},
		"nothing noted":             {nil, "hookrouter devel GO\n"},
	} {
		var out strings.Builder
		buildOf(c.info).write(&out)
		want := strings.Replace(c.want, "GO", runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH, 1)
		if out.String() != want {
			t.Errorf("%s: got %q, want %q", name, out.String(), want)
		}
	}
}

func built(version string, settings ...string) *debug.BuildInfo {
	info := &debug.BuildInfo{Main: debug.Module{Version: version}}
	for i := 0; i < len(settings); i += 2 {
		info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
	}
	return info
}
