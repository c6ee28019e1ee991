package router

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// caveat says what the file system of the data directory cannot promise; "" when it is one for data.
func caveat(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return "" // who opens it will say what is wrong
	}
	var kind, what string
	switch int64(uint32(s.Type)) { // signed on some machines
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		kind, what = "in memory (tmpfs)", "what was acknowledged is gone when the machine restarts"
	case unix.OVERLAYFS_SUPER_MAGIC:
		kind, what = "in a container's own layer (overlay)", "what was acknowledged is gone with the container; mount a volume there"
	case unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC,
		unix.AFS_SUPER_MAGIC, unix.V9FS_MAGIC:
		kind, what = "on a network file system", "its server decides whether what was synced is on a disk, and whether a second process is kept out"
	case unix.FUSE_SUPER_MAGIC:
		kind, what = "on a file system of another program (fuse)", "that decides whether what was synced is on a disk"
	default:
		return ""
	}
	return fmt.Sprintf("data directory %s is %s: %s", dir, kind, what)
}

// mountedAlone reports whether the file is a mount of its own, as a subPath of Kubernetes or `docker run -v` of a file
// makes it: another file that takes the name outside is not seen inside then.
func mountedAlone(file string) bool {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return false
	}
	mount := func(name string) (id uint64, ok bool) {
		var s unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, name, unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &s)
		return s.Mnt_id, err == nil && s.Mask&unix.STATX_MNT_ID != 0
	}
	own, known := mount(file)
	outer, knownToo := mount(filepath.Dir(file))
	return known && knownToo && own != outer
}
