package deploy_test

import (
	"os"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// TestOtherSystems reads all code as for the systems that this test does not run on, tests included: macOS runs them,
// and on Windows the commands that need no server must at least compile. `make release` links the binaries.
func TestOtherSystems(t *testing.T) {
	for _, system := range [][]string{{"linux", "arm64"}, {"darwin", "arm64"}, {"windows", "amd64"}} {
		t.Run(system[0], func(t *testing.T) {
			all, err := packages.Load(&packages.Config{
				Context: t.Context(), Mode: packages.LoadAllSyntax, Tests: true, Dir: rig.Root(t),
				Env: append(os.Environ(), "GOOS="+system[0], "GOARCH="+system[1], "CGO_ENABLED=0"),
			}, "./...")
			if err != nil || len(all) == 0 {
				t.Fatalf("%d packages, %v", len(all), err)
			}
			packages.Visit(all, nil, func(p *packages.Package) {
				for _, e := range p.Errors {
					t.Error(e)
				}
			})
		})
	}
}
