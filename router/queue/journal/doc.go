// Package journal is the embedded engine: a queue.Log in segment files with group commit. It sees bytes and
// positions, never events. One process at a time owns a journal's directory.
//
// # Files
//
//	lock             held (flock) by the process that has the journal open
//	00000001.seg     segments, numbered from 1 without gaps, oldest first; the newest is appended to
//	spare-*          zero-filled or freed segments, made ahead of use; they hold nothing that counts
//	filling          a spare in the making; removed at the next opening
//	ballast          room that is kept back for a full disk; it is never read or written
//
// A position is the segment's number << 32 | the offset of the record in its file.
//
// # Format, version 1
//
// Numbers are little endian. A segment begins with two equal copies of its header, at 0 and at 4096, each synced
// before the segment counts and never written again; items follow from 8192 on.
//
//	offset size  segment header
//	     0    8  "hookjrnl"
//	     8    4  format version
//	    12    4  zero
//	    16    8  incarnation: random, new whenever a file is put to use
//	    24    8  number of the segment
//	    32    8  first: the sequence of its first item
//	    40    8  counts: the last sequence of the previous segment that counts
//	    48   12  zero
//	    60    4  CRC32C of the 60 bytes before, in every version
//
//	offset size  item, at a multiple of 8
//	     0    4  CRC32C of the 20 bytes that follow, seeded with the incarnation
//	     4    4  length of the payload
//	     8    8  sequence: one more than that of the item before; never restarts, may skip between segments
//	    16    1  kind: 1 record, 2 batch header, 3 filler
//	    17    3  zero
//	    20    4  CRC32C of the payload, seeded with the incarnation
//	    24       payload, then zeros up to a multiple of 8
//
// "Seeded" means computed over the 8 bytes of the incarnation and then the data, so that what a reused file still
// holds, and what a sender puts into a payload, never passes for an item.
//
// Writes are of whole blocks of 4096 bytes, past the page cache where the file system allows that: the first block
// begins with what it holds already, the last one ends with zeros. What a write adds begins with a batch header, whose
// 8 byte payload is the sequence that the previous sync covered: items up to it were durable, and one of them that
// cannot be read later is damage. A filler takes the place of items of the last write before a crash that did not
// reach the disk while later ones did; nobody was told that these were stored, so they are not damage.
//
// # What recovery may assume
//
// Only the newest segment can have a torn end: a segment is left for the next one when all its writes are synced, or
// when a write or sync failed; then the next header says how far it counts, and what follows there never does.
// An fsync that failed is not repeated, because the kernel may have dropped the pages that it could not write.
// The bytes of the last write are written and synced anew at opening, for the same reason: a reader must not see a
// record that only the page cache holds. Damaged items are stepped over and counted; their bytes stay where they are.
package journal
