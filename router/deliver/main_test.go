package deliver

import (
	"io"
	"log"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is for servers whose clients break connections on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
