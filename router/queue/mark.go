package queue

import (
	"bytes"
	"os"
)

// mark says in a file whether a rehearsal is rendering right now. The log knows that a rehearsal
// began and not yet that it ended, and most of that time goes into writing the log: a process that is killed from
// outside would leave an innocent accused. What a process wrote is in its file after its end, synced or not.
type mark struct {
	file *os.File
	boot []byte
}

const (
	resting   = '0'
	rendering = '1'
)

// bootID names this run of the machine; empty where it has no name. After a power cut a mark may be of any time, and in
// a directory that came from another machine it is of another process.
func bootID() []byte {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(id)
}

// endedAtRest says that the process before rendered nothing when it ended; false when nobody knows.
func endedAtRest(name string) bool {
	b, err := os.ReadFile(name)
	boot := bootID()
	return err == nil && len(boot) > 0 && string(b) == string(resting)+string(boot)
}

// openMark begins at rest. Without a file the log alone says who is guilty.
func openMark(name string) *mark {
	if name == "" {
		return &mark{}
	}
	_ = os.Remove(name)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &mark{}
	}
	m := &mark{file: f, boot: bootID()}
	m.set(resting)
	return m
}

// set takes microseconds. A mark that cannot be set is taken away: it would say what is not so.
func (m *mark) set(state byte) {
	if m.file == nil {
		return
	}
	if _, err := m.file.WriteAt(append([]byte{state}, m.boot...), 0); err != nil {
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
