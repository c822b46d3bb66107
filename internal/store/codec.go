package store

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// encode writes a structured part of a row.
func encode(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", enclave.Internalf("encode: %w", err)
	}
	return string(raw), nil
}

// encodeAll writes several parts, in order.
func encodeAll(values ...any) ([]string, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		var err error
		if texts[i], err = encode(v); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// part is a column's text and where it is decoded to.
type part struct {
	text string
	into any
}

func decode(parts ...part) error {
	for _, p := range parts {
		if err := json.Unmarshal([]byte(p.text), p.into); err != nil {
			return enclave.Internalf("decode a stored row: %w", err)
		}
	}
	return nil
}

// digests reads hexadecimal columns; an empty one is the zero digest.
func digests(texts ...string) ([]enclave.Digest, error) {
	list := make([]enclave.Digest, len(texts))
	for i, text := range texts {
		if text == "" {
			continue
		}
		var err error
		if list[i], err = enclave.ParseDigest(text); err != nil {
			return nil, enclave.Internalf("decode a stored digest: %w", err)
		}
	}
	return list, nil
}

// hex is a digest's column: empty for the zero digest.
func hex(d enclave.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// millis is a time's column: 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// flag is a yes's column.
func flag(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// before reads the token of a list that is sorted by descending position; "" is its beginning.
func before(token string) (int64, error) {
	if token == "" {
		return math.MaxInt64, nil
	}
	position, err := strconv.ParseInt(token, 10, 64)
	if err != nil || position < 1 {
		return 0, enclave.Fail(enclave.Invalid, "LIST_TOKEN_MALFORMED")
	}
	return position, nil
}

// limit is how many rows to ask for so that one more than the page tells whether there is a next page.
func limit(page enclave.Page) int32 { return int32(min(max(page.Size, 1), math.MaxInt32-1)) + 1 }

// pageOf turns the rows asked for with limit into a page and the token of the next one, "" at the end.
func pageOf[Row, Item any](rows []Row, page enclave.Page, item func(Row) (Item, error), token func(Row) string) ([]Item, string, error) {
	next := ""
	if size := max(page.Size, 1); len(rows) > size {
		rows = rows[:size]
		next = token(rows[size-1])
	}
	items := make([]Item, len(rows))
	for i, row := range rows {
		var err error
		if items[i], err = item(row); err != nil {
			return nil, "", err
		}
	}
	return items, next, nil
}

func positionToken(position int64) string { return strconv.FormatInt(position, 10) }
