package queue

import (
	"context"
	"fmt"
)

const (
	batchRecords = 256
	batches      = 3       // one is filled, one is applied, one waits
	flushRecords = 8 << 10 // between writes of the history
)

// batch is records on their way from the log to the state.
type batch struct {
	entries []Entry
	records [batchRecords]record
	errs    [batchRecords]error
}

// replay applies what the log has behind the snapshot, up to its end as it is now. One goroutine reads and decodes
// while another one applies.
func (q *Queue) replay(ctx context.Context) error {
	end := q.log.Health().Last
	if end == 0 || q.state.applied >= end {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	full, empty := make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		empty <- &batch{entries: make([]Entry, 0, batchRecords)}
	}
	read := make(chan error, 1)
	from := q.state.applied + 1
	go func() {
		err := q.readBatches(ctx, from, end, full, empty)
		close(full)
		read <- err
	}()
	for b := range full {
		for i, e := range b.entries {
			q.applyRecord(e, &b.records[i], b.errs[i])
		}
		empty <- b
	}
	return <-read
}

func (q *Queue) readBatches(ctx context.Context, from, end Pos, full chan<- *batch, empty <-chan *batch) error {
	b, read := <-empty, 0
	b.entries = b.entries[:0]
	for e, err := range q.log.Read(ctx, from) {
		if err != nil {
			return fmt.Errorf("replay the log: %w", err)
		}
		i := len(b.entries)
		b.errs[i] = b.records[i].decode(e.Record, false)
		b.entries = append(b.entries, e)
		if e.Pos >= end {
			full <- b
			return nil
		}
		if i+1 == batchRecords {
			full <- b
			b = <-empty
			b.entries = b.entries[:0]
		}
		if read++; read%flushRecords == 0 {
			_ = q.past.h.Flush() // it keeps its error
		}
	}
	return ctx.Err()
}
