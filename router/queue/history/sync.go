package history

import (
	"errors"
	"os"
)

// Sync writes and makes durable what was applied before it was called, then moves the watermark there.
func (h *History) Sync() error {
	h.syncing.Lock()
	defer h.syncing.Unlock()
	return h.sync()
}

func (h *History) sync() error {
	w, dirty, err := h.mark()
	if err != nil {
		return err
	}
	for _, x := range dirty {
		if err := errors.Join(x.writeHeader(w.generation), x.f.Sync()); err != nil {
			return h.fail(err)
		}
	}
	if err := writeWatermark(h.dir, w); err != nil {
		return h.fail(err)
	}
	h.generation = w.generation
	return nil
}

// mark flushes and describes what the files hold then, and which of them must reach the disk.
func (h *History) mark() (*watermark, []*file, error) {
	h.writing.Lock()
	defer h.writing.Unlock()
	if err := h.flush(); err != nil {
		return nil, nil, err
	}
	h.files.Lock()
	defer h.files.Unlock()
	w := &watermark{
		incarnation: h.main.incarnation, generation: h.generation + 1, perFile: uint32(h.opts.FileRows),
		applied: h.written, dropped: h.dropped,
	}
	var dirty []*file
	w.main, dirty = h.main.mark(w.generation, dirty)
	w.carried, dirty = h.carried.mark(w.generation, dirty)
	return w, dirty, nil
}

func (s *stream) mark(generation uint64, dirty []*file) ([]fileMark, []*file) {
	var marks []fileMark
	for _, x := range s.files {
		if x.dirty {
			x.dirty, x.generation = false, generation
			dirty = append(dirty, x)
		}
		marks = append(marks, fileMark{
			number: x.number, rows: x.rows, first: x.first, last: x.last, min: x.min, max: x.max,
			generation: x.generation,
		})
	}
	return marks, dirty
}

// Drop says that the log no longer has what lies before pos: rows of it are not listed any more, and files that
// hold nothing else are removed, after a watermark without them.
func (h *History) Drop(pos uint64) error {
	h.syncing.Lock()
	defer h.syncing.Unlock()
	old := h.cut(pos)
	if len(old) == 0 {
		return h.check()
	}
	err := h.sync()
	for _, x := range old {
		err = errors.Join(err, x.f.Close(), os.Remove(x.f.Name()))
	}
	if err != nil {
		return h.fail(err)
	}
	return nil
}

// cut takes out the files whose rows all lie before pos.
func (h *History) cut(pos uint64) []*file {
	h.files.Lock()
	defer h.files.Unlock()
	if pos <= h.dropped {
		return nil
	}
	h.dropped = pos
	return append(h.main.cut(pos), h.carried.cut(pos)...)
}
