package main

import (
	"bytes"
	"os"
	"testing"
)

// TestCommittedSchemaIsTheParsers: editors read the file at the root, which must be what the parser knows now.
func TestCommittedSchemaIsTheParsers(t *testing.T) {
	var out bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	if code := execute(&cli{stdout: &out, stderr: os.Stderr, env: none}, []string{"schema"}); code != exitOK {
		t.Fatalf("exit %d", code)
	}
	committed, err := os.ReadFile("../../hookrouter.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, out.Bytes()) {
		t.Error("stale; write it anew: go run ./cmd/hookrouter schema > hookrouter.schema.json")
	}
}
