package leak

import (
	"encoding/binary"
	"strconv"
)

// strips seeks long runs of letters and digits that texts have in common with the values of a row written one after the other, without
// what separates them: as people write them, and as they are stored.
type strips struct {
	runs    map[[shared]byte]*strip
	filter  [1 << 10]uint64 // of the first eight bytes of each
	written []byte          // scratch
}

type strip struct {
	texts    []int
	subjects int32
	last     uint32
}

func newStrips(texts []text) strips {
	s := strips{runs: map[[shared]byte]*strip{}}
	for at := range texts {
		for _, meaning := range texts[at].meaning {
			var bare []byte
			for _, run := range runs(meaning, isWord) {
				bare = append(bare, run...)
			}
			for i := 0; i+shared <= len(bare); i++ {
				run := [shared]byte(bare[i:])
				if s.runs[run] == nil {
					s.runs[run] = &strip{}
				}
				if of := s.runs[run]; len(of.texts) == 0 || of.texts[len(of.texts)-1] != at {
					of.texts = append(of.texts, at)
				}
				word, bit := filterOf(bare[i:])
				s.filter[word] |= bit
			}
		}
	}
	return s
}

func filterOf(b []byte) (word int, bit uint64) {
	h := mix(binary.LittleEndian.Uint64(b)) % (1 << 16)
	return int(h / 64), 1 << (h % 64)
}

func (s *strips) see(c *census, subject uint32, at []int32) {
	if len(s.runs) == 0 {
		return
	}
	for _, format := range []func(*counted, []byte, int64) []byte{appendWritten, appendStored} {
		s.written = s.written[:0]
		for i, value := range at {
			if value >= 0 {
				s.written = format(&c.columns[i], s.written, c.columns[i].tallies[value].value)
			}
		}
		for i := 0; i+shared <= len(s.written); i++ {
			if word, bit := filterOf(s.written[i:]); s.filter[word]&bit == 0 {
				continue
			}
			run := s.runs[[shared]byte(s.written[i:])]
			if run != nil && (run.subjects == 0 || run.last != subject) {
				run.last, run.subjects = subject, min(run.subjects+1, c.threshold)
			}
		}
	}
}

// appendWritten writes letters and digits of a value as it is written in files.
func appendWritten(c *counted, to []byte, value int64) []byte {
	for _, b := range []byte(c.Format(value)) {
		if isWord(b) {
			to = append(to, b)
		}
	}
	return to
}

// appendStored writes a value as a guest sees it.
func appendStored(_ *counted, to []byte, value int64) []byte {
	if value < 0 {
		value = -value
	}
	return strconv.AppendInt(to, value, 10)
}

// found adds the texts that share a run with some subjects' rows, but with fewer than the threshold's.
func (s *strips) found(threshold int32, texts map[int]bool) {
	for _, run := range s.runs {
		if run.subjects > 0 && run.subjects < threshold {
			for _, at := range run.texts {
				texts[at] = true
			}
		}
	}
}
