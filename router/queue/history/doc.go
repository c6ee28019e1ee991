// Package history is the projection of the log that lists for people are read from: fixed-size rows in files by range
// of positions. It can be deleted at any time and is rebuilt from the log; nothing is acknowledged or leased by it.
//
// A row says where to look and what to filter by; names and texts are in the log's record, which decides. Rows are
// written behind: changes collect in memory, so that a delivery which came and went since the last write costs one
// row. A read writes them out first, so it reflects every change applied before it. Events that were carried over
// from a trimmed part of the log have rows of their own, listed last by id: they are older than all others.
//
// Every block has a checksum. The watermark, written after the blocks are on disk, says up to which position all is
// there; blocks may be newer than that after a crash, so every change is idempotent by its position. What is in doubt
// is an error (ErrDamaged): the owner calls Reset and applies the log again from its beginning.
package history
