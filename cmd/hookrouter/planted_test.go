package main

// plantedBugs are servers that break the promise, each in one place.
var plantedBugs = []struct {
	name string
	bugs []bug
}{}
