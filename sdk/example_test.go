package sdk_test

import (
	"errors"
	"fmt"

	"github.com/darkroom-project/darkroom/sdk"
)

func ExampleReadCredential() {
	_, err := sdk.ReadCredential("missing.json")
	fmt.Println(sdk.ReasonOf(err))
	// Output: CREDENTIAL_UNREADABLE
}

func ExampleParseCredential() {
	_, err := sdk.ParseCredential([]byte(`{"darkroom": 9}`))
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		fmt.Println(e.English)
		fmt.Println(e.Chinese)
	}
	// Output:
	// This is not a usable credential: version 9, this program reads 1. Ask the data authority for a new one.
	// 凭证不可用：版本为 9，本程序读取版本 1。请向数据主管部门申请新的凭证。
}

func ExampleError() {
	_, err := sdk.ReadCredential("missing.json")
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		fmt.Println(e.Kind, e.Reason, e.Args["file"])
		fmt.Println(e.In("en"))
		fmt.Println(e.In("zh"))
	}
	// Output:
	// invalid CREDENTIAL_UNREADABLE missing.json
	// The credential missing.json cannot be read. Give the path of a credential file that the data authority issued.
	// 无法读取凭证 missing.json，请给出数据主管部门签发的凭证文件路径。
}
