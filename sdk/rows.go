package sdk

import "github.com/apache/arrow-go/v18/arrow"

// Rows writes record batches as text for people: the names of the columns, and each row's values. An empty value is "".
func Rows(batches []arrow.RecordBatch) (header []string, rows [][]string) {
	for n, batch := range batches {
		if n == 0 {
			for _, field := range batch.Schema().Fields() {
				header = append(header, field.Name)
			}
		}
		for r := range int(batch.NumRows()) {
			row := make([]string, batch.NumCols())
			for c, column := range batch.Columns() {
				if column.IsValid(r) {
					row[c] = column.ValueStr(r)
				}
			}
			rows = append(rows, row)
		}
	}
	return header, rows
}
