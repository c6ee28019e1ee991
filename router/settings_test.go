package router_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"testing"
	"time"
)

// TestHTTP2SaysItsLimits: what a connection may do is announced in the server's first frame.
func TestHTTP2SaysItsLimits(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("one"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	conn, err := tls.Dial("tcp", r.Addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 9)
	if _, err := io.ReadFull(conn, head); err != nil || head[3] != 4 {
		t.Fatalf("first frame %v: %v", head, err)
	}
	settings := make([]byte, int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(conn, settings); err != nil {
		t.Fatal(err)
	}
	got := map[uint16]uint32{}
	for ; len(settings) >= 6; settings = settings[6:] {
		got[binary.BigEndian.Uint16(settings)] = binary.BigEndian.Uint32(settings[2:])
	}
	const streams, headers = 3, 6
	if got[streams] != 100 || got[headers] < 64<<10 || got[headers] > 80<<10 {
		t.Errorf("settings %v: want 100 streams, headers of about 64 KiB", got)
	}
}
