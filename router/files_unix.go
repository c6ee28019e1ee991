//go:build unix

package router

import "syscall"

// openFiles is how many files the process may have open; 0 when the system does not tell.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<30))
}
