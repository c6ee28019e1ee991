// Package faults_test holds what hookrouter must survive: processes that are killed, disks that fill up, senders and
// destinations that misbehave. A row of rows/*.yaml names a fault, the test that shows what holds, and bugs with which
// that test must fail. docs/reliability.md is made of the rows. Tests that need no process of their own are in the
// package that they are about; the others are here.
package faults_test

import (
	"flag"
	"os"
	"testing"

	"github.com/hookrouter/hookrouter/faults/rig"
)

var (
	update  = flag.Bool("update", false, "write docs/reliability.md anew")
	planted = flag.Bool("planted", false, "run each row's test against each of its planted bugs (make planted)")
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
