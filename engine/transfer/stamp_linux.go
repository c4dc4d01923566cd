package transfer

import (
	"os"
	"syscall"
	"time"
)

// system adds what the system knows of a file besides.
func (s *stamp) system(fi os.FileInfo) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.ctime = time.Unix(st.Ctim.Unix())
		s.inode, s.device = st.Ino, st.Dev
	}
}
