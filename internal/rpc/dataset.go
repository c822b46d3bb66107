package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"google.golang.org/grpc"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/catalog"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// datasets serves the catalogue.
type datasets struct {
	darkroomv1.UnimplementedDatasetServiceServer
	Config
	gate    *gate
	uploads *transfers
}

func datasetTarget(e catalog.Entry) target { return target{owner: e.Dataset.Owner} }

// find looks a dataset up for a caller.
func (d *datasets) find(ctx context.Context, resource string) (catalog.Entry, error) {
	name := last(resource)
	entry, err := d.Catalog.Get(ctx, name)
	return reach(ctx, d.gate, entry, err, datasetTarget, catalog.NotFound(name))
}

func (d *datasets) CreateDataset(ctx context.Context, r *darkroomv1.CreateDatasetRequest) (*darkroomv1.CreateDatasetResponse, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(r.GetDescriptionJson())))
	dec.DisallowUnknownFields()
	var dataset enclave.Dataset
	if err := dec.Decode(&dataset); err != nil {
		return nil, badField("description_json", "json", "the JSON of a description: "+err.Error())
	}
	if dec.More() {
		return nil, badField("description_json", "json", "one JSON value")
	}
	if err := dataset.Validate(); err != nil {
		return nil, err
	}
	ok, err := d.gate.allows(ctx, callOf(ctx).method, target{owner: dataset.Owner})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, enclave.Fail(enclave.Refused, "OWNER_FORBIDDEN", "owner", dataset.Owner)
	}
	entry, err := d.Catalog.Create(ctx, callerOf(ctx), &dataset)
	if err != nil {
		return nil, err
	}
	seen, err := seenDataset(entry)
	return &darkroomv1.CreateDatasetResponse{Dataset: seen}, err
}

func (d *datasets) GetDataset(ctx context.Context, r *darkroomv1.GetDatasetRequest) (*darkroomv1.GetDatasetResponse, error) {
	entry, err := d.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	seen, err := seenDataset(entry)
	return &darkroomv1.GetDatasetResponse{Dataset: seen}, err
}

// GetReleases is for those who answer for the data and those who audit them: it says what other operators asked.
func (d *datasets) GetReleases(ctx context.Context, r *darkroomv1.GetReleasesRequest) (*darkroomv1.GetReleasesResponse, error) {
	entry, err := d.find(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	releases, err := d.Runs.Releases(ctx, entry.Dataset.Name)
	if err != nil {
		return nil, err
	}
	text, err := toJSON(releases)
	return &darkroomv1.GetReleasesResponse{ReleasesJson: text}, err
}

func (d *datasets) ListDatasets(ctx context.Context, r *darkroomv1.ListDatasetsRequest) (*darkroomv1.ListDatasetsResponse, error) {
	visible := d.gate.viewer(ctx, darkroomv1.DatasetService_GetDataset_FullMethodName)
	list, next, err := gather(r, heavyPart,
		func(page enclave.Page) ([]catalog.Entry, string, error) { return d.Catalog.List(ctx, page) },
		func(e catalog.Entry) (*darkroomv1.Dataset, bool, error) {
			if ok, err := visible(datasetTarget(e)); err != nil || !ok {
				return nil, false, err
			}
			seen, err := seenDataset(e)
			return seen, true, err
		})
	return &darkroomv1.ListDatasetsResponse{Datasets: list, NextPageToken: next}, err
}

func (d *datasets) LoadSnapshot(stream grpc.ClientStreamingServer[darkroomv1.LoadSnapshotRequest, darkroomv1.LoadSnapshotResponse]) error {
	ctx, who := stream.Context(), callerOf(stream.Context())
	first, err := stream.Recv()
	if err == io.EOF || err == nil && first.GetHead() == nil { //nolint:errorlint // gRPC documents io.EOF itself
		return enclave.Fail(enclave.Invalid, "UPLOAD_ORDER")
	}
	if err != nil {
		return err
	}
	entry, err := d.find(ctx, first.GetHead().GetParent())
	if err != nil {
		return err
	}
	leave, err := d.uploads.enter(who.Org)
	if err != nil {
		return err
	}
	defer leave()
	next := func() ([]byte, error) {
		part, err := stream.Recv()
		if err == nil && part.GetHead() != nil {
			err = enclave.Fail(enclave.Invalid, "UPLOAD_ORDER")
		}
		return part.GetChunk(), err
	}
	return spool(d.Spool, next, d.MaxFile, func(path string) error {
		snapshot, err := d.Catalog.Load(ctx, who, entry.Dataset.Name, formats()[first.GetHead().GetFormat()], path)
		if err != nil {
			return err
		}
		return stream.SendAndClose(&darkroomv1.LoadSnapshotResponse{Snapshot: seenSnapshot(snapshot, entry.Dataset.Owner, who)})
	})
}

func formats() map[darkroomv1.FileFormat]string {
	return map[darkroomv1.FileFormat]string{
		darkroomv1.FileFormat_FILE_FORMAT_CSV:     "csv",
		darkroomv1.FileFormat_FILE_FORMAT_PARQUET: "parquet",
		darkroomv1.FileFormat_FILE_FORMAT_ARROW:   "arrow",
	}
}

func (d *datasets) GetSnapshot(ctx context.Context, r *darkroomv1.GetSnapshotRequest) (*darkroomv1.GetSnapshotResponse, error) {
	dataset, digest, err := splitSnapshot(r.GetName())
	if err != nil {
		return nil, err
	}
	entry, err := d.find(ctx, dataset)
	if err != nil {
		return nil, err
	}
	snapshot, err := d.Catalog.Snapshot(ctx, dataset, digest)
	if err != nil {
		return nil, err
	}
	return &darkroomv1.GetSnapshotResponse{Snapshot: seenSnapshot(snapshot, entry.Dataset.Owner, callerOf(ctx))}, nil
}

func (d *datasets) ListSnapshots(ctx context.Context, r *darkroomv1.ListSnapshotsRequest) (*darkroomv1.ListSnapshotsResponse, error) {
	entry, err := d.find(ctx, r.GetParent())
	if err != nil {
		return nil, err
	}
	list, next, err := gather(r, lightPart,
		func(page enclave.Page) ([]enclave.Snapshot, string, error) {
			return d.Catalog.Snapshots(ctx, entry.Dataset.Name, page)
		},
		func(s enclave.Snapshot) (*darkroomv1.Snapshot, bool, error) {
			return seenSnapshot(s, entry.Dataset.Owner, callerOf(ctx)), true, nil
		})
	return &darkroomv1.ListSnapshotsResponse{Snapshots: list, NextPageToken: next}, err
}
