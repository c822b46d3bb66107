package load

import (
	"cmp"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// collection is a table on its way into a snapshot: its rows as records of one width, in buckets by the secret place of their subject. What
// is more than held in memory is in a file beside, so that memory does not grow with the rows; it does with the subjects, by some 25 bytes.
//
// A record is, little endian: subject u32 · the codes of the stored columns in the order of the description, each as wide as in its file · a
// bit for each of them, 1 where it has a value.
type collection struct {
	layout    *layout
	directory *directory
	order     *shuffler
	specs     []columnSpec // stored columns, without the subjects
	width     int          // of a record
	bits      int          // where its bits begin

	buckets [buckets][]byte // records in the order of the file
	held    int             // bytes of them
	limit   int             // from which on they are spilled
	spilled *spill          // nil while nothing was

	rows  int64
	lines int64 // of the file, -1 if the format has none
}

// Every bucket is a range of places: their first byte.
const buckets = 256

// maxHeld is how many bytes of rows are held in memory.
const maxHeld = 64 << 20

func newCollection(l *layout, d *directory, order *shuffler, lines int64, limit int) (*collection, error) {
	specs, err := columnsOf(l.dataset)
	if err != nil {
		return nil, err
	}
	c := &collection{layout: l, directory: d, order: order, specs: specs[1:], width: subjectBytes, limit: limit, lines: lines}
	for _, s := range c.specs {
		c.width += int(s.width)
	}
	c.bits = c.width
	c.width += (len(c.specs) + 7) / 8
	return c, nil
}

const subjectBytes = 4

// close removes what was spilled.
func (c *collection) close() error {
	if c.spilled == nil {
		return nil
	}
	return errors.Join(c.spilled.file.Close(), os.Remove(c.spilled.file.Name()))
}

// take appends a block, giving its subjects their numbers.
func (c *collection) take(b *block, dir string) error {
	if b.wrong != nil {
		return b.wrong.located(c.rows, c.lines)
	}
	if c.rows+int64(b.rows) > MaxRows {
		return enclave.Fail(enclave.Limit, "FILE_TOO_MANY_ROWS", "limit", strconv.Itoa(MaxRows))
	}
	empty := make([]int, len(c.specs)) // by column: how many of its empty rows came
	for row := range b.subjects {
		number, err := c.directory.number(&b.subjects[row])
		if err != nil {
			return err
		}
		high, _ := c.order.place(number)
		bucket := &c.buckets[high>>56]
		*bucket = c.append(*bucket, number, b, row, empty)
	}
	c.rows += int64(b.rows)
	if c.lines >= 0 {
		c.lines += int64(b.lines)
	}
	if c.held += b.rows * c.width; c.held < c.limit {
		return nil
	}
	return c.spill(dir)
}

// append writes a row's record.
func (c *collection) append(out []byte, subject uint32, b *block, row int, empty []int) []byte {
	out = binary.LittleEndian.AppendUint32(out, subject)
	var present [(enclave.MaxColumns + 7) / 8]byte
	for i, s := range c.specs {
		from, code := &b.columns[s.column], uint64(0)
		if at := empty[i]; at < len(from.empty) && from.empty[at] == int64(row) {
			empty[i]++
		} else {
			present[i/8] |= 1 << (i % 8)
			code = uint64(from.stored[row]) - uint64(s.low) //nolint:gosec // G115: two's complement difference, within the bounds
		}
		out = enclave.AppendPacked(out, code, int(s.width))
	}
	return append(out, present[:c.width-c.bits]...)
}

// spill is the file of the records that memory does not hold.
type spill struct {
	file   *os.File
	size   int64
	pieces [buckets][]piece // of each bucket, in the order of the file that is loaded
}

type piece struct{ at, bytes int64 }

// spill moves all buckets into the file.
func (c *collection) spill(dir string) error {
	if c.spilled == nil {
		f, err := os.CreateTemp(dir, "rows-")
		if err != nil {
			return enclave.Internalf("spill rows: %w", err)
		}
		c.spilled = &spill{file: f}
	}
	s := c.spilled
	for i := range c.buckets {
		n, err := s.file.Write(c.buckets[i])
		if err != nil {
			return enclave.Internalf("spill rows: %w", err)
		}
		if n > 0 {
			s.pieces[i] = append(s.pieces[i], piece{s.size, int64(n)})
		}
		s.size += int64(n)
		c.buckets[i] = c.buckets[i][:0]
	}
	c.held = 0
	return nil
}

// records appends those of a bucket to out.
func (c *collection) records(out []byte, bucket int) ([]byte, error) {
	if c.spilled != nil {
		for _, p := range c.spilled.pieces[bucket] {
			from := len(out)
			out = slices.Grow(out, int(p.bytes))[:from+int(p.bytes)]
			if _, err := c.spilled.file.ReadAt(out[from:], p.at); err != nil {
				return nil, enclave.Internalf("read spilled rows: %w", err)
			}
		}
	}
	return append(out, c.buckets[bucket]...), nil
}

// cluster gives the order in which records are written: subjects by their secret place, the rows of one in the order of the file. It is
// a counting sort over the subjects. counts has a place for each subject of the directory, all 0, and is left so. It also returns how many
// subjects there are.
func (c *collection) cluster(order []uint32, records []byte, counts []uint32) ([]uint32, int) {
	type placed struct {
		high, low uint64
		subject   uint32
	}
	var present []placed
	subject := func(at int) uint32 { return binary.LittleEndian.Uint32(records[at:]) }
	for at := 0; at < len(records); at += c.width {
		s := subject(at)
		if counts[s] == 0 {
			p := placed{subject: s}
			p.high, p.low = c.order.place(s)
			present = append(present, p)
		}
		counts[s]++ // rows of each subject; then where its next row goes
	}
	slices.SortFunc(present, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
	})
	next := uint32(0)
	for _, p := range present {
		counts[p.subject], next = next, next+counts[p.subject]
	}
	order = slices.Grow(order[:0], int(next))[:next]
	for at := 0; at < len(records); at += c.width {
		s := subject(at)
		order[counts[s]] = uint32(at / c.width) //nolint:gosec // G115: at most MaxRows
		counts[s]++
	}
	for _, p := range present {
		counts[p.subject] = 0
	}
	return order, len(present)
}
