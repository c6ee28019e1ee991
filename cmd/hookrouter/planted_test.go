package main

// refuseOneInAHundred is no bug: a disk that now and then says no. The promise must hold with it.
var refuseOneInAHundred = bug{
	file: "router/queue/journal/commit.go",
	old:  "func (l *Log) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {\n",
	new: "func (l *Log) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {\n" +
		"\tif time.Now().UnixNano()/1000%100 == 7 {\n\t\treturn 0, queue.ErrNotFound\n\t}\n",
}

const (
	enqueueFile = "router/queue/enqueue.go"
	storing     = "\ta, err := q.commit(ctx, rec)\n\tswitch {\n"
	imports     = "import (\n\t\"context\"\n"
)

// plantedBugs are servers that break the promise, each in one way.
var plantedBugs = []struct {
	name string
	bugs []bug
}{
	{"the ack comes before the write, which happens every ten milliseconds", []bug{{
		file: enqueueFile, old: storing,
		new: "\tif true {\n\t\ttime.AfterFunc(10*time.Millisecond, func() { _, _ = q.commit(context.WithoutCancel(ctx), rec) })\n" +
			"\t\treturn Receipt{Event: ev.ID}, nil\n\t}\n" + storing,
	}}},
	{"the dedupe key is entered before the append, and one append in a hundred is refused", []bug{
		refuseOneInAHundred,
		{file: enqueueFile, old: imports, new: imports + "\t\"sync\"\n"},
		{
			file: enqueueFile, old: storing,
			new: "\tif _, dup := planted.LoadOrStore(ev.Source+ev.DedupeKey, true); dup {\n" +
				"\t\treturn Receipt{Event: ev.ID, Duplicate: true}, nil\n\t}\n" + storing,
		},
		{file: enqueueFile, old: "// newRows checks", new: "var planted sync.Map\n\n// newRows checks"},
	}},
}
