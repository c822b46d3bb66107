package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/darkroom-project/darkroom/enclave"
)

// A subject directory gives every pseudonym of one kind of subject its number: the place at which it was first written. Its file
// is append-only, little endian:
//
//	header  64 bytes: "darkroom/subject" (16) · version u32 = 1 · zero u32 · kind (24, zero-padded) · key check (16)
//	frames  count u32 · CRC-32C of count and pseudonyms u32 · count pseudonyms of 16 bytes
//
// The key check is the pseudonym of the empty identifier: a directory opened with another key would give everyone a second number.
// One frame is one ingest, durable before the snapshot that uses it is named. A frame that a crash cut short is the last one, and is
// ignored and overwritten: no snapshot knows it. A snapshot records how long the directory was, so a loss is noticed.
const (
	directoryMagic   = "darkroom/subject"
	directoryVersion = 1
	directoryHeader  = 64
	frameHeader      = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// directory is a subject directory in memory. It is not safe for concurrent use.
type directory struct {
	path    string
	entries []pseudonym
	durable int      // entries that the file has
	length  int64    // of the file's sound part
	slots   []uint32 // open addressing: entry number + 1, 0 is free; a pseudonym is its own hash
}

// openDirectory reads a directory, creating its file if there is none.
func openDirectory(path string, kind enclave.SubjectKind, check pseudonym) (*directory, error) {
	head := directoryHead(kind, check)
	f, err := os.Open(path) //nolint:gosec // G304: the path is the store's own
	if errors.Is(err, os.ErrNotExist) {
		if err := writeDurably(path, head); err != nil {
			return nil, err
		}
		f, err = os.Open(path) //nolint:gosec // G304: the path is the store's own
	}
	if err != nil {
		return nil, enclave.Internalf("open the subject directory: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, enclave.Internalf("open the subject directory: %w", err)
	}
	entries, length, err := readDirectory(f, info.Size(), head)
	if err != nil {
		return nil, enclave.Internalf("subject directory of kind %s: %w", kind, err)
	}
	d := &directory{path: path, entries: entries, durable: len(entries), length: length}
	d.index(2 * len(entries))
	return d, nil
}

func directoryHead(kind enclave.SubjectKind, check pseudonym) []byte {
	head := make([]byte, 0, directoryHeader)
	head = append(head, directoryMagic...)
	head = binary.LittleEndian.AppendUint32(head, directoryVersion)
	head = binary.LittleEndian.AppendUint32(head, 0)
	head = append(head, kind...)
	head = head[:directoryHeader-len(check)]
	return append(head, check[:]...)
}

// readDirectory reads header and frames. It returns the length of the sound part; what follows it is a torn frame.
func readDirectory(r io.ReaderAt, size int64, head []byte) (entries []pseudonym, length int64, err error) {
	found := make([]byte, len(head))
	if size < int64(len(head)) {
		return nil, 0, errors.New("shorter than its header")
	}
	if _, err := r.ReadAt(found, 0); err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(found, head) {
		return nil, 0, errors.New("the header is of another version, kind or key")
	}
	length = int64(len(head))
	for size-length >= frameHeader {
		frame, sound, err := readFrame(r, length, size)
		if err != nil {
			return nil, 0, err
		}
		if !sound {
			break
		}
		for at := frameHeader; at < len(frame); at += len(pseudonym{}) {
			entries = append(entries, pseudonym(frame[at:at+len(pseudonym{})]))
		}
		length += int64(len(frame))
	}
	return entries, length, nil
}

// readFrame reads one frame. It is not sound if it may be what a crash left: longer than the file, or failing its checksum at the
// very end.
func readFrame(r io.ReaderAt, at, size int64) (frame []byte, sound bool, err error) {
	var head [frameHeader]byte
	if _, err := r.ReadAt(head[:], at); err != nil {
		return nil, false, err
	}
	count := int64(binary.LittleEndian.Uint32(head[:4]))
	need := frameHeader + count*int64(len(pseudonym{}))
	if need > size-at {
		return nil, false, nil
	}
	if count == 0 {
		return nil, false, zeroTail(r, at, size)
	}
	frame = make([]byte, need)
	if _, err := r.ReadAt(frame, at); err != nil {
		return nil, false, err
	}
	if binary.LittleEndian.Uint32(frame[4:8]) == frameSum(frame) {
		return frame, true, nil
	}
	if at+need < size {
		return nil, false, errors.New("a frame is damaged")
	}
	return nil, false, nil
}

// zeroTail accepts the zeros that some file systems leave where a write was cut short.
func zeroTail(r io.ReaderAt, at, size int64) error {
	tail, err := io.ReadAll(io.NewSectionReader(r, at, size-at))
	if err != nil {
		return err
	}
	if len(bytes.Trim(tail, "\x00")) > 0 {
		return errors.New("a frame is empty")
	}
	return nil
}

func frameSum(frame []byte) uint32 {
	sum := crc32.Checksum(frame[:4], castagnoli)
	return crc32.Update(sum, castagnoli, frame[frameHeader:])
}

// index makes room for n slots at least and enters every entry.
func (d *directory) index(n int) {
	size := 1024
	for size < n {
		size *= 2
	}
	d.slots = make([]uint32, size)
	for i := range d.entries {
		d.slots[d.slot(&d.entries[i])] = uint32(i) + 1
	}
}

// slot is where a pseudonym stands, or the free place where it would.
func (d *directory) slot(p *pseudonym) int {
	mask := len(d.slots) - 1
	at := int(binary.LittleEndian.Uint64(p[:8])&(1<<62-1)) & mask
	for d.slots[at] != 0 && d.entries[d.slots[at]-1] != *p {
		at = (at + 1) & mask
	}
	return at
}

// number is the subject's number; a new one if it has none. New numbers are in memory only until commit.
func (d *directory) number(p *pseudonym) (uint32, error) {
	at := d.slot(p)
	if d.slots[at] == 0 {
		if len(d.entries) >= math.MaxUint32-1 {
			return 0, enclave.Fail(enclave.Limit, "SUBJECTS_FULL")
		}
		if 2*(len(d.entries)+1) > len(d.slots) {
			d.index(2 * len(d.slots))
			at = d.slot(p)
		}
		d.entries = append(d.entries, *p)
		d.slots[at] = uint32(len(d.entries)) //nolint:gosec // G115: bounded above
	}
	return d.slots[at] - 1, nil
}

// commit makes new numbers durable.
func (d *directory) commit() error {
	fresh := d.entries[d.durable:]
	if len(fresh) == 0 {
		return nil
	}
	frame := make([]byte, frameHeader, frameHeader+len(fresh)*len(pseudonym{}))
	binary.LittleEndian.PutUint32(frame, uint32(len(fresh))) //nolint:gosec // G115: bounded by number
	for i := range fresh {
		frame = append(frame, fresh[i][:]...)
	}
	binary.LittleEndian.PutUint32(frame[4:], frameSum(frame))
	f, err := os.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		return enclave.Internalf("extend the subject directory: %w", err)
	}
	err = f.Truncate(d.length) // a torn frame goes
	if err == nil {
		_, err = f.WriteAt(frame, d.length)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return enclave.Internalf("extend the subject directory: %w", err)
	}
	d.durable, d.length = len(d.entries), d.length+int64(len(frame))
	return nil
}

// writeDurably writes a small file so that after a crash it is there completely or not at all.
func writeDurably(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return enclave.Internalf("write %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
		return enclave.Internalf("write %s: %w", filepath.Base(path), err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	f, err := os.Open(path) //nolint:gosec // G304: the path is the store's own
	if err != nil {
		return enclave.Internalf("sync a directory: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return enclave.Internalf("sync a directory: %w", err)
	}
	return nil
}
