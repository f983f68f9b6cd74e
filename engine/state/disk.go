package state

import "os"

// journalFile is the real [disk].
type journalFile struct{ *os.File }

func openDisk(path string) (journalFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return journalFile{f}, err
}

// Datasync implements [disk].
func (f journalFile) Datasync() error { return datasync(f.File) }

// Reserve implements [disk].
func (f journalFile) Reserve(size int64) error { return reserve(f.File, size) }

// Close implements [disk]. Cutting the file gives reserved space back.
func (f journalFile) Close(size int64) error {
	err := f.Truncate(size)
	if cerr := f.File.Close(); err == nil {
		err = cerr
	}
	return err
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// truncate cuts a file durably.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
