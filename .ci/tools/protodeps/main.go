// Command protodeps writes the .proto files that ours import but the Go proxy carries only as generated code, so that buf can
// lint and generate without any other registry.
package main

import (
	"fmt"
	"os"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodeps DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "protodeps:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	file, err := protoregistry.GlobalFiles.FindFileByPath("buf/validate/validate.proto")
	if err != nil {
		return err
	}
	printer := protoprint.Printer{}
	return printer.PrintProtosToFileSystem([]protoreflect.FileDescriptor{file}, dir)
}
