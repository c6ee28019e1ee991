package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(c *cli) *cobra.Command {
	r := &remote{c: c}
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version, the commit it was built from, and the Go release", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := r.checkOutput(); err != nil {
				return err
			}
			info, _ := debug.ReadBuildInfo()
			b := buildOf(info)
			return r.print(b, func(w io.Writer) { b.write(w) })
		},
	}
	r.outputFlag(cmd.Flags())
	return cmd
}

// build is what the Go command noted in the binary. Revision and Time are empty when it was built outside a checkout;
// Modified says that the checkout held changes that no commit has.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Time     string `json:"time"` // of the commit
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// buildOf reads info, which is nil where the Go command noted nothing.
func buildOf(info *debug.BuildInfo) build {
	b := build{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return b
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.Revision, b.Time, b.Modified = settings["vcs.revision"], settings["vcs.time"], settings["vcs.modified"] == "true"
	if v := info.Main.Version; v != "(devel)" {
		b.Version = cmp.Or(v, b.Version)
	}
	return b
}

func (b build) write(w io.Writer) {
	fmt.Fprintf(w, "hookrouter %s %s %s/%s\n", b.Version, b.Go, b.OS, b.Arch)
	if b.Revision == "" {
		return
	}
	changes := ""
	if b.Modified {
		changes = ", with changes"
	}
	fmt.Fprintf(w, "commit %s of %s%s\n", b.Revision, b.Time, changes)
}

// version is what logs, the API and metrics call this build: a tag, else a pseudo-version with commit and time.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info).Version
}
