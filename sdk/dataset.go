package sdk

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Dataset is a catalogued table.
type Dataset struct {
	Name        string
	Owner       string          // organisation of the source department
	Description json.RawMessage // columns, classes, code lists, bounds, as `darkroom dataset draft` writes them
	Digest      string          // SHA-256 of the description
	Created     time.Time
}

// Snapshot is one immutable loading of a dataset.
type Snapshot struct {
	Dataset     string
	Digest      string
	Description string // digest of the description that it was loaded under
	Rows        int64  // 0 to those who may not know it
	Subjects    int64  // likewise
	Loaded      time.Time
}

// Format is the format of a source file.
type Format string

// The formats.
const (
	CSV     Format = "csv" // comma, semicolon or tab, UTF-8 or GB18030, first line is the header
	Parquet Format = "parquet"
	Arrow   Format = "arrow" // IPC file or stream
)

// CreateDataset catalogues a dataset from its description (JSON), or replaces the description while nothing has been loaded under it.
func (c *Client) CreateDataset(ctx context.Context, description []byte) (Dataset, error) {
	r, err := c.datasets.CreateDataset(ctx, &darkroomv1.CreateDatasetRequest{DescriptionJson: string(description)})
	return toDataset(r.GetDataset()), received(err)
}

// GetDataset returns one description.
func (c *Client) GetDataset(ctx context.Context, name string) (Dataset, error) {
	r, err := c.datasets.GetDataset(ctx, &darkroomv1.GetDatasetRequest{Name: in("datasets", name)})
	return toDataset(r.GetDataset()), received(err)
}

// ListDatasets iterates over the descriptions that the caller may see, by name.
func (c *Client) ListDatasets(ctx context.Context) iter.Seq2[Dataset, error] {
	return pages(func(token string) ([]Dataset, string, error) {
		r, err := c.datasets.ListDatasets(ctx, &darkroomv1.ListDatasetsRequest{PageToken: token})
		return each(r.GetDatasets(), toDataset), r.GetNextPageToken(), err
	})
}

// Load sends a file and returns the snapshot that it became. Progress, if not nil, hears how many bytes were sent. A file that does not
// fit its description is refused whole, with row, column and what was expected.
func (c *Client) Load(ctx context.Context, dataset string, format Format, file io.Reader, progress func(sent int64)) (Snapshot, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.datasets.LoadSnapshot(ctx)
	if err != nil {
		return Snapshot{}, received(err)
	}
	head := &darkroomv1.LoadSnapshotHead{Parent: in("datasets", dataset), Format: formats()[format]}
	err = stream.Send(&darkroomv1.LoadSnapshotRequest{Part: &darkroomv1.LoadSnapshotRequest_Head{Head: head}})
	if err == nil {
		if err := pump(file, func(chunk []byte) error {
			return stream.Send(&darkroomv1.LoadSnapshotRequest{Part: &darkroomv1.LoadSnapshotRequest_Chunk{Chunk: chunk}})
		}, progress); err != nil {
			return Snapshot{}, err
		}
	}
	r, err := stream.CloseAndRecv()
	return toSnapshot(r.GetSnapshot()), received(err)
}

// GetSnapshot returns one snapshot.
func (c *Client) GetSnapshot(ctx context.Context, dataset, digest string) (Snapshot, error) {
	r, err := c.datasets.GetSnapshot(ctx, &darkroomv1.GetSnapshotRequest{Name: snapshotName(dataset, digest)})
	return toSnapshot(r.GetSnapshot()), received(err)
}

// ListSnapshots iterates over a dataset's snapshots, newest first.
func (c *Client) ListSnapshots(ctx context.Context, dataset string) iter.Seq2[Snapshot, error] {
	return pages(func(token string) ([]Snapshot, string, error) {
		r, err := c.datasets.ListSnapshots(ctx, &darkroomv1.ListSnapshotsRequest{Parent: in("datasets", dataset), PageToken: token})
		return each(r.GetSnapshots(), toSnapshot), r.GetNextPageToken(), err
	})
}

func formats() map[Format]darkroomv1.FileFormat {
	return map[Format]darkroomv1.FileFormat{
		CSV: darkroomv1.FileFormat_FILE_FORMAT_CSV, Parquet: darkroomv1.FileFormat_FILE_FORMAT_PARQUET, Arrow: darkroomv1.FileFormat_FILE_FORMAT_ARROW,
	}
}

func snapshotName(dataset, digest string) string {
	return in("datasets", dataset) + "/" + in("snapshots", last(digest))
}

func toDataset(d *darkroomv1.Dataset) Dataset {
	return Dataset{
		Name: last(d.GetName()), Owner: d.GetOwner(), Description: json.RawMessage(d.GetDescriptionJson()),
		Digest: d.GetDigest(), Created: at(d.GetCreateTime()),
	}
}

func toSnapshot(s *darkroomv1.Snapshot) Snapshot {
	dataset, digest := splitSnapshot(s.GetName())
	return Snapshot{
		Dataset: dataset, Digest: digest, Description: s.GetDescriptionDigest(),
		Rows: s.GetRows(), Subjects: s.GetSubjects(), Loaded: at(s.GetCreateTime()),
	}
}

// Releases returns, as JSON, the register of a dataset's exact releases, for the authority, its owner and auditors: what left, how many independent
// sums all releases publish together, and what the rules in force leave.
func (c *Client) Releases(ctx context.Context, name string) ([]byte, error) {
	r, err := c.datasets.GetReleases(ctx, &darkroomv1.GetReleasesRequest{Name: in("datasets", name)})
	return []byte(r.GetReleasesJson()), received(err)
}
