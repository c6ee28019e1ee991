package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// watermark is the file that says what of the others counts: everything up to applied is in their rows.
type watermark struct {
	incarnation uint64
	generation  uint64
	perFile     uint32
	applied     uint64
	dropped     uint64 // rows before it are not listed
	main        []fileMark
	carried     []fileMark
}

// fileMark is what the watermark holds of a file.
type fileMark struct {
	number      uint32
	rows        int
	first, last uint64
	min, max    int64
	generation  uint64 // its header has at least this
}

const (
	watermarkName = "watermark"
	markSize      = 56
)

var watermarkMagic = []byte("hookrouter watermark 1\n\x00")

func (w *watermark) encode() []byte {
	le := binary.LittleEndian
	b := append([]byte(nil), watermarkMagic...)
	b = le.AppendUint64(b, w.incarnation)
	b = le.AppendUint64(b, w.generation)
	b = le.AppendUint64(b, w.applied)
	b = le.AppendUint64(b, w.dropped)
	b = le.AppendUint32(b, w.perFile)
	b = le.AppendUint32(b, uint32(len(w.main)))
	b = le.AppendUint32(b, uint32(len(w.carried)))
	for _, marks := range [][]fileMark{w.main, w.carried} {
		for _, m := range marks {
			b = m.append(b)
		}
	}
	return le.AppendUint32(b, checksum(b))
}

func (m *fileMark) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, m.number)
	b = le.AppendUint32(b, uint32(m.rows))
	b = le.AppendUint64(b, m.first)
	b = le.AppendUint64(b, m.last)
	b = le.AppendUint64(b, uint64(m.min))
	b = le.AppendUint64(b, uint64(m.max))
	b = le.AppendUint64(b, m.generation)
	return le.AppendUint64(b, 0)
}

func decodeMark(b []byte) fileMark {
	le := binary.LittleEndian
	return fileMark{
		number: le.Uint32(b), rows: int(le.Uint32(b[4:])), first: le.Uint64(b[8:]), last: le.Uint64(b[16:]),
		min: int64(le.Uint64(b[24:])), max: int64(le.Uint64(b[32:])), generation: le.Uint64(b[40:]),
	}
}

// decodeWatermark refuses whatever encode did not write.
func decodeWatermark(b []byte) (*watermark, error) {
	le := binary.LittleEndian
	head := len(watermarkMagic) + 4*8 + 3*4
	if len(b) < head+4 || !bytes.HasPrefix(b, watermarkMagic) ||
		le.Uint32(b[len(b)-4:]) != checksum(b[:len(b)-4]) {
		return nil, fmt.Errorf("%w: watermark cannot be read", ErrDamaged)
	}
	h := b[len(watermarkMagic):]
	w := &watermark{
		incarnation: le.Uint64(h), generation: le.Uint64(h[8:]), applied: le.Uint64(h[16:]),
		dropped: le.Uint64(h[24:]), perFile: le.Uint32(h[32:]),
	}
	main, carried := int(le.Uint32(h[36:])), int(le.Uint32(h[40:]))
	marks := b[head : len(b)-4]
	if len(marks) != (main+carried)*markSize {
		return nil, fmt.Errorf("%w: watermark has another length than it says", ErrDamaged)
	}
	for i := range main + carried {
		m := decodeMark(marks[i*markSize:])
		if i < main {
			w.main = append(w.main, m)
		} else {
			w.carried = append(w.carried, m)
		}
	}
	return w, nil
}

func readWatermark(dir string) (*watermark, error) {
	b, err := os.ReadFile(filepath.Join(dir, watermarkName))
	if err != nil {
		return nil, err
	}
	return decodeWatermark(b)
}

// writeWatermark replaces the file so that a crash leaves the old or the new one.
func writeWatermark(dir string, w *watermark) error {
	tmp := filepath.Join(dir, watermarkName+".new")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(w.encode())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, watermarkName)); err != nil {
		return err
	}
	return dirs.Sync(dir)
}
