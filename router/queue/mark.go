package queue

import (
	"os"
	"path/filepath"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// mark says in a file whether a rehearsal is rendering right now. The log knows that a rehearsal began and not yet that
// it ended, and most of that time goes into writing the log: a process that is killed from outside would leave an
// innocent accused. What a process wrote is in its file after its end, synced or not. After a power cut, which is no
// payload's fault, the file says what was written back before, and that is nearly always that nothing is rendered.
type mark struct{ file *os.File }

const (
	resting   = "0"
	rendering = "1"
)

// endedAtRest says that the process before rendered nothing when it ended; false when nobody knows.
func endedAtRest(name string) bool {
	b, err := os.ReadFile(name)
	return err == nil && string(b) == resting
}

// openMark begins at rest. Without a file the log alone says who is guilty.
func openMark(name string) *mark {
	if name == "" {
		return &mark{}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &mark{}
	}
	m := &mark{file: f}
	m.set(resting)
	if f.Sync() == nil { // its name above all: the first start makes it
		_ = dirs.Sync(filepath.Dir(name))
	}
	return m
}

// set takes microseconds. A mark that cannot be set is taken away: it would say what is not so.
func (m *mark) set(state string) {
	if m.file == nil {
		return
	}
	if _, err := m.file.WriteAt([]byte(state), 0); err != nil {
		m.close()
		_ = os.Remove(m.file.Name())
		m.file = nil
	}
}

func (m *mark) close() {
	if m.file != nil {
		_ = m.file.Close()
	}
}
