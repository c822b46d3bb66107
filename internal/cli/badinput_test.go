package cli

import (
	"context"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// bad is a command line that must be refused: with a status, with a reason, and with nothing left behind.
type bad struct {
	line   string // what follows the command's path
	status int
	reason string
}

// badInputs are four standard ones for each command, where they apply: something missing, malformed, too large, not allowed.
func badInputs() map[string][]bad {
	const (
		nobody = "runs/aaaaaaaaaaaaaaaaaaaaaaaaaa"
		as     = " --credential "
	)
	noCredential := bad{"", exitMisused, "CLI_NO_CREDENTIAL"}
	tooMany := bad{"and more" + as + "$OPERATOR", exitMisused, "CLI_ARGS"}
	foreign := bad{as + "$FOREIGN", exitFailed, "CONNECTION_UNTRUSTED|SERVER_UNREACHABLE"}
	return map[string][]bad{
		"demo": {
			{"more", exitMisused, "CLI_ARGS"},
			{"--keep", exitMisused, "CLI_FLAG_EMPTY"},
			{"--keep $FOLDER", exitFailed, "DEMO_KEEP_NOT_EMPTY"},
			{"--keep fresh --listen nowhere", exitFailed, "LISTEN_FAILED"},
		},
		"serve": {
			{"", exitMisused, "CLI_FLAG_MISSING"},
			{"--data fresh --listen nowhere", exitFailed, "LISTEN_FAILED"},
			{"--data fresh --listen $ADDRESS", exitFailed, "LISTEN_FAILED"},
			{"--data $DATA --listen 127.0.0.1:0", exitFailed, "DATA_DIR_LOCKED"},
			{"--data $CSV", exitFailed, "CONFIG_UNREADABLE"},
			{"--data $CSV/below", exitFailed, "CONFIG_UNREADABLE"},
			{"--data $FOLDER/.. --listen 127.0.0.1:0", exitFailed, "DATA_DIR_FOREIGN"},
		},
		"version":    {{"more", exitMisused, "CLI_ARGS"}},
		"completion": {{"", exitMisused, "CLI_ARGS"}, {"tcsh", exitMisused, "CLI_ARG_BAD"}},
		"identity issue": {
			{"--role operator --org acme" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_MISSING"},
			{"--role king --org acme --name li" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_BAD"},
			{"--role operator --org Acme --name li" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_BAD"},
			{"--role operator --org acme --name ../li" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_BAD"},
			{"--role operator --org acme --name li --days 2000" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_BAD"},
			{"--role operator --org acme --name li --days many" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_BAD"},
			{"--role operator --org acme --name li --out $OPERATOR" + as + "$AUTHORITY", exitFailed, "CLI_FILE_EXISTS"},
			{"--role operator --org acme --name li --out no/such/li.json" + as + "$AUTHORITY", exitFailed, "CLI_FILE_MISSING"},
			{"--role operator --org acme --name li" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"identity show": {
			noCredential, tooMany, foreign,
			{as + "nowhere.json", exitFailed, "CREDENTIAL_UNREADABLE"},
			{as + "$YAML", exitFailed, "CREDENTIAL_MALFORMED"},
			{as + "$HUGE", exitFailed, "CREDENTIAL_MALFORMED"},
			{"--address nonsense" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"--address 127.0.0.1:1" + as + "$OPERATOR", exitFailed, "SERVER_UNREACHABLE"},
		},
		"dataset draft": {
			{"", exitMisused, "CLI_ARGS"},
			{"nowhere.csv", exitFailed, "CLI_FILE_MISSING"},
			{"$FOLDER --format csv", exitFailed, "CLI_FILE_DIRECTORY"},
			{"$YAML", exitMisused, "CLI_FLAG_BAD"},
			{"$CSV --format xls", exitMisused, "CLI_FLAG_BAD"},
			{"$CSV --owner Health", exitMisused, "CLI_FLAG_BAD"},
			{"$CSV --out $YAML", exitFailed, "CLI_FILE_EXISTS"},
			{"$HUGE --format parquet --out draft.yaml", exitFailed, "FILE_UNREADABLE"},
			{"$HUGE --format csv --out draft.yaml", exitFailed, "FILE_ROW_TOO_LONG"},
		},
		"dataset sample": {
			{"", exitMisused, "CLI_FLAG_MISSING"},
			{"--out table.xls", exitMisused, "CLI_FLAG_BAD"},
			{"--out table.csv --rows 0", exitMisused, "CLI_FLAG_BAD"},
			{"--out table.csv --rows 1000000001", exitMisused, "CLI_FLAG_BAD"},
			{"--out table.csv --rows 99999999999999999999", exitMisused, "CLI_FLAG_BAD"},
			{"--out $CSV", exitFailed, "CLI_FILE_EXISTS"},
			{"--out no/such/table.csv", exitFailed, "CLI_FILE_MISSING"},
		},
		"dataset create": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"nowhere.yaml" + as + "$AUTHORITY", exitFailed, "CLI_FILE_MISSING"},
			{"$FOLDER/darkroom.yaml" + as + "$AUTHORITY", exitFailed, "SCAFFOLD_DESCRIPTION"},
			{"$HUGE" + as + "$AUTHORITY", exitFailed, "CLI_FILE_TOO_LARGE"},
			{"$YAML" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"dataset load": {
			{"visits" + as + "$SOURCE", exitMisused, "CLI_ARGS"},
			{"visits $FOLDER" + as + "$SOURCE", exitFailed, "CLI_FILE_DIRECTORY"},
			{"visits nowhere.csv" + as + "$SOURCE", exitFailed, "CLI_FILE_MISSING"},
			{"Visits $CSV" + as + "$SOURCE", exitMisused, "CLI_NAME_BAD"},
			{"other $CSV" + as + "$SOURCE", exitFailed, "DATASET_NOT_FOUND"},
			{"visits $YAML" + as + "$SOURCE", exitMisused, "CLI_FLAG_BAD"},
			{"visits $YAML --format csv" + as + "$SOURCE", exitFailed, "FILE_NO_HEADER"},
			{"visits $CSV" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"dataset list": {noCredential, tooMany, foreign, {as + "$REVIEWER", exitFailed, "METHOD_FORBIDDEN"}},
		"dataset show": {
			{as + "$OPERATOR", exitMisused, "CLI_ARGS"},
			{"../visits" + as + "$OPERATOR", exitMisused, "CLI_NAME_BAD"},
			{strings.Repeat("a", 100) + as + "$OPERATOR", exitMisused, "CLI_NAME_BAD"},
			{"other" + as + "$OPERATOR", exitFailed, "DATASET_NOT_FOUND"},
			{"visits" + as + "$REVIEWER", exitFailed, "METHOD_FORBIDDEN|DATASET_NOT_FOUND"},
		},
		"dataset history": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"../visits" + as + "$AUTHORITY", exitMisused, "CLI_NAME_BAD"},
			{"other" + as + "$AUTHORITY", exitFailed, "DATASET_NOT_FOUND"},
			{"visits" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"grant apply": {
			{"--scenario pricing --purpose x" + as + "$OPERATOR", exitMisused, "CLI_FLAG_MISSING"},
			{"--scenario pricing --purpose x --dataset visits" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"--scenario Pricing --purpose x --dataset visits:cost" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"--scenario pricing --purpose x --dataset visits:cost --form programme" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"--scenario pricing --purpose x --dataset visits:cost --days 2000" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"--scenario pricing --purpose " + strings.Repeat("x", 3000) + " --dataset visits:cost" + as + "$OPERATOR", exitFailed, "INVALID_REQUEST"},
			{"--scenario pricing --purpose x --dataset visits:nothing" + as + "$OPERATOR", exitFailed, "GRANT_COLUMN_UNKNOWN"},
			{"--scenario pricing --purpose x --dataset visits:cost" + as + "$SOURCE", exitFailed, "METHOD_FORBIDDEN"},
		},
		"grant list":    {noCredential, tooMany, foreign, {as + "$REVIEWER", exitFailed, "METHOD_FORBIDDEN"}},
		"grant show":    named("grant", "$GRANT", "$RIVAL"),
		"grant assess":  append(named("grant", "$GRANT", "$OPERATOR"), bad{"$GRANT" + as + "$AUTHORITY", exitFailed, "GRANT_STATE"}, bad{"$GRANT --reject" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_MISSING"}),
		"grant confirm": append(named("grant", "$GRANT", "$OPERATOR"), bad{"$GRANT" + as + "$SOURCE", exitFailed, "GRANT_CONFIRMED"}, bad{"$GRANT --reject" + as + "$SOURCE", exitMisused, "CLI_FLAG_MISSING"}),
		"grant suspend": append(named("grant", "$GRANT --note x", "$OPERATOR"), bad{"$GRANT" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_MISSING"}),
		"grant resume": append(named("grant", "$GRANT --note x", "$OPERATOR"), bad{"$GRANT" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_MISSING"},
			bad{"$GRANT --note x" + as + "$AUTHORITY", exitFailed, "GRANT_STATE"}),
		"grant revoke": append(named("grant", "$GRANT --note x", "$OPERATOR"), bad{"$GRANT" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_MISSING"},
			bad{"$GRANT --note " + strings.Repeat("x", 3000) + as + "$AUTHORITY", exitFailed, "INVALID_REQUEST"}),
		"module new": {
			{"", exitMisused, "CLI_ARGS"},
			{"one --name One", exitFailed, "SCAFFOLD_NAME"},
			{"one --name " + strings.Repeat("a", 100), exitFailed, "SCAFFOLD_NAME"},
			{"$FOLDER", exitFailed, "SCAFFOLD_EXISTS"},
			{"$YAML", exitFailed, "SCAFFOLD_NO_FOLDER"},
			{"$YAML/below", exitFailed, "SCAFFOLD_NO_FOLDER"},
		},
		"module build": {
			{"one two", exitMisused, "CLI_ARGS"},
			{"nowhere", exitFailed, "SCAFFOLD_MISSING"},
			{"$BADFOLDER", exitFailed, "MANIFEST_MALFORMED|MANIFEST_INVALID"},
			{"$FOLDER --code nowhere.wasm", exitFailed, "SCAFFOLD_MISSING"},
			{"$FOLDER --code $YAML", exitFailed, "MODULE_NOT_WASM"},
		},
		"module test": {
			{"one two", exitMisused, "CLI_ARGS"},
			{"nowhere.wasm", exitFailed, "CLI_FILE_MISSING"},
			{"$BADFOLDER", exitFailed, "MANIFEST_MALFORMED|MANIFEST_INVALID"},
			{"$YAML", exitFailed, "MODULE_NOT_WASM"},
			{"$HUGE", exitFailed, "SCAFFOLD_FILE_SIZE"},
			{"$WASM --param x", exitMisused, "CLI_FLAG_BAD"},
			{"$WASM --dataset nowhere.yaml", exitFailed, "CLI_FILE_MISSING"},
			{"$WASM --dataset $CSV", exitFailed, "SCAFFOLD_DESCRIPTION"},
			{"$WASM --dataset $YAML --profile $CSV", exitFailed, "POLICY_BUNDLE_INVALID"},
			{"$WASM --dataset $YAML --rows 0", exitMisused, "CLI_FLAG_BAD"},
			{"$WASM --dataset $YAML --subjects -1", exitMisused, "CLI_FLAG_BAD"},
			{"$WASM --dataset $YAML --rows 10 --subjects 11", exitFailed, "SAMPLE_SIZE"},
			{"$WASM --dataset $YAML --out no/such/report.json", exitFailed, "CLI_FILE_MISSING"},
			{"$WASM --dataset $YAML --out $FOLDER", exitFailed, "CLI_FILE_DIRECTORY"},
			{"$WASM --dataset $YAML --param x=1", exitFailed, "PARAM_UNKNOWN"},
			{"$WASM" + as + "nowhere.json", exitFailed, "CREDENTIAL_UNREADABLE"},
		},
		"module upload": {
			{as + "$OPERATOR", exitMisused, "CLI_ARGS"},
			{"nowhere.wasm" + as + "$OPERATOR", exitFailed, "CLI_FILE_MISSING"},
			{"$FOLDER" + as + "$OPERATOR", exitFailed, "CLI_FILE_DIRECTORY"},
			{"$YAML" + as + "$OPERATOR", exitFailed, "MODULE_NOT_WASM"},
			{"$HUGE" + as + "$OPERATOR", exitFailed, "UPLOAD_TOO_LARGE"},
			{"$WASM" + as + "$SOURCE", exitFailed, "METHOD_FORBIDDEN"},
		},
		"module list": {noCredential, tooMany, foreign, {as + "$SOURCE", exitFailed, "METHOD_FORBIDDEN"}},
		"module show": {
			{as + "$OPERATOR", exitMisused, "CLI_ARGS"},
			{"by-district" + as + "$OPERATOR", exitMisused, "CLI_NAME_BAD"},
			{"modules/" + strings.Repeat("0", 64) + as + "$OPERATOR", exitFailed, "OBJECT_NOT_FOUND|MODULE_NOT_FOUND"},
			{"$MODULE" + as + "$RIVAL", exitFailed, "OBJECT_NOT_FOUND|MODULE_NOT_FOUND"},
		},
		"module propose": {
			{"$WASM" + as + "$OPERATOR", exitMisused, "CLI_FLAG_MISSING"},
			{"--dataset visits" + as + "$OPERATOR", exitMisused, "CLI_ARGS"},
			{"$WASM --dataset ../visits" + as + "$OPERATOR", exitMisused, "CLI_NAME_BAD"},
			{"nowhere.wasm --dataset visits" + as + "$OPERATOR", exitFailed, "CLI_FILE_MISSING"},
			{"$YAML --dataset visits" + as + "$OPERATOR", exitFailed, "MODULE_NOT_WASM"},
			{"$HUGE --dataset visits --source $FOLDER" + as + "$OPERATOR", exitFailed, "CLI_FILE_TOO_LARGE"},
			{"$WASM --dataset visits --source nowhere" + as + "$OPERATOR", exitFailed, "MODULE_SOURCE_UNREADABLE"},
			{"$WASM --dataset visits --source $BADFOLDER" + as + "$OPERATOR", exitFailed, "MANIFEST_MALFORMED|MANIFEST_INVALID"},
			{"$WASM --dataset other" + as + "$OPERATOR", exitFailed, "DATASET_NOT_FOUND"},
			{"$MODULE --dataset visits" + as + "$RIVAL", exitFailed, "MODULE_NOT_FOUND"},
			{"$WASM --dataset visits" + as + "$SOURCE", exitFailed, "METHOD_FORBIDDEN"},
		},
		"module review list": {noCredential, tooMany, foreign},
		"module review show": named("proposal", "$PROPOSAL", "$RIVAL"),
		"module review vote": {
			{"$PROPOSAL" + as + "$REVIEWER", exitMisused, "CLI_ARGS"},
			{"$PROPOSAL maybe" + as + "$REVIEWER", exitMisused, "CLI_ARG_BAD"},
			{"$PROPOSAL reject" + as + "$REVIEWER", exitMisused, "CLI_FLAG_MISSING"},
			{"../proposal approve" + as + "$REVIEWER", exitMisused, "CLI_NAME_BAD"},
			{"proposals/aaaaaaaaaaaaaaaaaaaaaaaaaa approve" + as + "$REVIEWER", exitFailed, "PROPOSAL_NOT_FOUND"},
			{"$PROPOSAL approve --public " + strings.Repeat("x", 3000) + as + "$REVIEWER", exitFailed, "INVALID_REQUEST"},
			{"$PROPOSAL approve" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"module review source": append(named("proposal", "$PROPOSAL --out fresh", "$OPERATOR"),
			bad{"$PROPOSAL" + as + "$REVIEWER", exitMisused, "CLI_FLAG_MISSING"}, bad{"$PROPOSAL --out fresh" + as + "$REVIEWER", exitFailed, "PROPOSAL_NO_SOURCE"}),
		"module review check": append(named("proposal", "$PROPOSAL", "$RIVAL"), bad{"$PROPOSAL" + as + "$REVIEWER", exitFailed, "PROPOSAL_NO_SOURCE"}),
		"module review withdraw": append(named("proposal", "$PROPOSAL --note x", "$OPERATOR"), bad{"$PROPOSAL" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_MISSING"},
			bad{"$PROPOSAL --note x" + as + "$AUTHORITY", exitFailed, "PROPOSAL_STATE"}),
		"run submit": {
			{"$WASM" + as + "$OPERATOR", exitMisused, "CLI_FLAG_MISSING"},
			{"--grant $GRANT" + as + "$OPERATOR", exitMisused, "CLI_ARGS"},
			{"$WASM --grant mine" + as + "$OPERATOR", exitMisused, "CLI_NAME_BAD"},
			{"$WASM --grant $GRANT --param x" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"$WASM --grant $GRANT --param x=1" + as + "$OPERATOR", exitFailed, "PARAM_UNKNOWN|PARAM_OUT_OF_DOMAIN"},
			{"$WASM --grant $GRANT --rows 0" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"$WASM --grant $GRANT --snapshot newest" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"$YAML --grant $GRANT" + as + "$OPERATOR", exitFailed, "MODULE_NOT_WASM"},
			{"$HUGE --grant $GRANT" + as + "$OPERATOR", exitFailed, "UPLOAD_TOO_LARGE"},
			{"nowhere.wasm --grant $GRANT" + as + "$OPERATOR", exitFailed, "CLI_FILE_MISSING"},
			{"$WASM --grant $GRANT" + as + "$AUTHORITY", exitFailed, "METHOD_FORBIDDEN"},
			{"$ENDLESS --grant $GRANT" + as + "$RIVAL", exitFailed, "GRANT_NOT_FOUND|OBJECT_NOT_FOUND"},
		},
		"run list":   {noCredential, tooMany, foreign, {as + "$SOURCE", exitFailed, "METHOD_FORBIDDEN"}},
		"run show":   named("run", "$RUN", "$RIVAL"),
		"run watch":  named("run", "$RUN", "$RIVAL"),
		"run cancel": named("run", "$RUN", "$RIVAL"),
		"run fetch": append(named("run", "$RUN", "$RIVAL"),
			bad{nobody + " --out table.arrow" + as + "$OPERATOR", exitFailed, "RUN_NOT_FOUND|OBJECT_NOT_FOUND"},
			bad{"$RUN --out table.csv" + as + "$RIVAL", exitFailed, "RUN_NOT_FOUND|OBJECT_NOT_FOUND"},
			bad{"$RUN --out no/such/table.arrow" + as + "$OPERATOR", exitFailed, "CLI_FILE_MISSING"},
			bad{"$RUN --out $FOLDER" + as + "$OPERATOR", exitFailed, "CLI_FILE_DIRECTORY"}),
		"run replay": append(named("run", "$RUN", "$OPERATOR"),
			bad{"$RUN --workers 65" + as + "$AUDITOR", exitMisused, "CLI_FLAG_BAD"}, bad{"$RUN --workers many" + as + "$AUDITOR", exitMisused, "CLI_FLAG_BAD"}),
		"run explain": append(named("run", "$RUN", "$RIVAL"), bad{"$RUN --rules=perhaps" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"}),
		"run report":  append(named("run", "$RUN", "$RIVAL"), bad{"$RUN" + as + "$OPERATOR", exitFailed, "REPORT_NOT_SHOWN"}),
		"run receipt": append(named("run", "$RUN", "$RIVAL"),
			bad{nobody + " --out receipt.json" + as + "$OPERATOR", exitFailed, "RUN_NOT_FOUND|OBJECT_NOT_FOUND"}),
		"review list": {noCredential, tooMany, foreign},
		"review show": named("run", "$RUN", "$RIVAL"),
		"review vote": {
			{"$RUN release" + as + "$REVIEWER", exitMisused, "CLI_FLAG_MISSING"},
			{"$RUN --seen $SEEN" + as + "$REVIEWER", exitMisused, "CLI_ARGS"},
			{"../run release --seen $SEEN" + as + "$REVIEWER", exitMisused, "CLI_NAME_BAD"},
			{"$RUN maybe --seen $SEEN" + as + "$REVIEWER", exitMisused, "CLI_ARG_BAD"},
			{"$RUN reject --seen $SEEN" + as + "$REVIEWER", exitMisused, "CLI_FLAG_MISSING"},
			{"$RUN return --seen $SEEN --private x" + as + "$REVIEWER", exitMisused, "CLI_FLAG_MISSING"},
			{"$RUN release --seen latest" + as + "$REVIEWER", exitMisused, "CLI_FLAG_BAD"},
			{"$RUN release --seen $SEEN-1" + as + "$REVIEWER", exitMisused, "CLI_FLAG_BAD"},
			{"$RUN release --seen :1" + as + "$REVIEWER", exitMisused, "CLI_FLAG_BAD"},
			{nobody + " release --seen $SEEN" + as + "$REVIEWER", exitFailed, "RUN_NOT_FOUND"},
			{"$RUN release --seen $SEEN" + as + "$REVIEWER", exitFailed, "RUN_NOT_FOUND"},
			{"$RUN release --seen $SEEN" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
			{"$RUN release --seen $SEEN --public " + strings.Repeat("x", 5000) + as + "$REVIEWER", exitFailed, "INVALID_REQUEST"},
		},
		"review answer": append(named("run", "$RUN --text x", "$RIVAL"), bad{"$RUN" + as + "$OPERATOR", exitMisused, "CLI_FLAG_MISSING"},
			bad{"$RUN --text x" + as + "$OPERATOR", exitFailed, "RUN_NOT_FOUND"}),
		"policy numbers": {tooMany},
		"policy show": {
			noCredential, tooMany, foreign,
			{"--profile nobody" + as + "$OPERATOR", exitMisused, "CLI_FLAG_BAD"},
			{"--grant mine" + as + "$OPERATOR", exitMisused, "CLI_NAME_BAD"},
			{"--grant grants/aaaaaaaaaaaaaaaaaaaaaaaaaa" + as + "$OPERATOR", exitFailed, "GRANT_NOT_FOUND"},
			{"--revision latest" + as + "$OPERATOR", exitMisused, "CLI_POLICY_REVISION_BAD"},
			{"--revision " + strings.Repeat("0", 64) + as + "$OPERATOR", exitFailed, "POLICY_REVISION_GONE"},
		},
		"policy set": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"person.base.threshold" + as + "$AUTHORITY", exitMisused, "CLI_POLICY_NO_VALUE"},
			{"person.base.threshold=12 20" + as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"person.base.treshold=12" + as + "$AUTHORITY", exitFailed, "POLICY_PLACE_UNKNOWN"},
			{"person.base.threshold=2" + as + "$AUTHORITY", exitFailed, "POLICY_NUMBER_RANGE"},
			{"profiles.person.base.threshold=twelve" + as + "$AUTHORITY", exitFailed, "POLICY_NUMBER_SYNTAX"},
			{"person.base.threshold=" + as + "$AUTHORITY", exitFailed, "POLICY_NUMBER_MISSING"},
			{"person.grades.3.threshold=9" + as + "$AUTHORITY", exitFailed, "POLICY_NUMBER_LOOSER"},
			{"person.base.threshold 12 --key nowhere.pem" + as + "$AUTHORITY", exitFailed, "CLI_FILE_MISSING"},
			{"person.base.threshold 12 --key $KEY" + as + "$AUTHORITY", exitFailed, "POLICY_KEY_UNUSABLE"},
			{"person.base.threshold=10 --key $POLICYKEY" + as + "$AUTHORITY", exitFailed, "POLICY_UNCHANGED"},
			{"person.base.threshold 12 --key $POLICYKEY" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"policy propose": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"nowhere.tar.gz" + as + "$AUTHORITY", exitFailed, "CLI_FILE_MISSING"},
			{"$YAML" + as + "$AUTHORITY", exitFailed, "POLICY_BUNDLE_INVALID"},
			{"$HUGE" + as + "$AUTHORITY", exitFailed, "CLI_FILE_TOO_LARGE"},
			{"$YAML" + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"policy agree": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"this" + as + "$AUTHORITY", exitMisused, "CLI_POLICY_REVISION_BAD"},
			{strings.Repeat("0", 64) + as + "$AUTHORITY", exitFailed, "CLI_POLICY_NO_CHANGE"},
			{strings.Repeat("0", 64) + as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"policy reject": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"this" + as + "$AUTHORITY", exitMisused, "CLI_POLICY_REVISION_BAD"},
			{strings.Repeat("0", 64) + as + "$AUTHORITY", exitFailed, "CLI_POLICY_NO_CHANGE"},
		},
		"policy rollback": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"this" + as + "$AUTHORITY", exitMisused, "CLI_POLICY_REVISION_BAD"},
			{strings.Repeat("0", 64) + as + "$AUTHORITY", exitFailed, "CLI_POLICY_NO_CHANGE"},
		},
		"policy history": {noCredential, tooMany, foreign, {as + "$OPERATOR", exitFailed, "METHOD_FORBIDDEN"}},
		"policy dry-run": {
			{as + "$AUTHORITY", exitMisused, "CLI_ARGS"},
			{"person.base.threshold" + as + "$AUTHORITY", exitMisused, "CLI_POLICY_NO_VALUE"},
			{"person.base.threshold=12 --last 0" + as + "$AUTHORITY", exitMisused, "CLI_FLAG_BAD"},
			{"person.base.treshold=12" + as + "$AUTHORITY", exitFailed, "POLICY_PLACE_UNKNOWN"},
			{"person.base.threshold=2" + as + "$AUTHORITY", exitFailed, "POLICY_NUMBER_RANGE"},
			{"nowhere.tar.gz" + as + "$AUTHORITY", exitFailed, "CLI_FILE_MISSING"},
			{"person.base.threshold=12" + as + "$AUDITOR", exitFailed, "METHOD_FORBIDDEN"},
		},
		"policy check": {{"", exitMisused, "CLI_ARGS"}, {"nowhere", exitFailed, "CLI_FILE_MISSING"}, {"$FOLDER", exitFailed, "POLICY_BUNDLE_INVALID"}, {"$YAML", exitFailed, "POLICY_BUNDLE_INVALID"}},
		"policy test":  {{"", exitMisused, "CLI_ARGS"}, {"nowhere", exitFailed, "CLI_FILE_MISSING"}, {"$YAML", exitFailed, "POLICY_BUNDLE_INVALID"}},
		"policy build": {
			{"$FOLDER", exitMisused, "CLI_FLAG_MISSING"},
			{"nowhere --out x.tar.gz", exitFailed, "CLI_FILE_MISSING"},
			{"$FOLDER --out x.tar.gz", exitFailed, "POLICY_BUNDLE_INVALID"},
		},
		"policy sign": {
			{"$YAML --key $POLICYKEY", exitMisused, "CLI_FLAG_MISSING"},
			{"$YAML --key $POLICYKEY --out x.tar.gz", exitFailed, "POLICY_BUNDLE_INVALID"},
		},
		"ledger checkpoint": {noCredential, tooMany, foreign},
		"ledger entry": {
			{as + "$AUDITOR", exitMisused, "CLI_ARGS"},
			{"first" + as + "$AUDITOR", exitMisused, "CLI_ARG_BAD"},
			{"99999999999999999999" + as + "$AUDITOR", exitMisused, "CLI_ARG_BAD"},
			{"999999" + as + "$AUDITOR", exitFailed, "RECORD_NOT_FOUND"},
			{"0" + as + "$OPERATOR", exitFailed, "RECORD_NOT_FOUND"},
		},
		"verify": {
			{"--key $KEY", exitMisused, "CLI_ARGS"},
			{"$RECEIPT", exitMisused, "CLI_FLAG_MISSING"},
			{"nowhere.json --key $KEY", exitFailed, "CLI_FILE_MISSING"},
			{"$RECEIPT --key nowhere.pub", exitFailed, "CLI_FILE_MISSING"},
			{"$FOLDER --key $KEY", exitFailed, "CLI_FILE_DIRECTORY"},
			{"$YAML --key $KEY", exitFailed, "RECEIPT_MALFORMED"},
			{"$HUGE --key $KEY", exitFailed, "CLI_FILE_TOO_LARGE"},
			{"$RECEIPT --key $OTHERKEY", exitFailed, "LEDGER_CHECKPOINT_SIGNATURE"},
			{"$RECEIPT --key $KEY --result $HUGE", exitFailed, "RECEIPT_RESULT"},
			{"$RECEIPT --key $KEY --ledger nowhere", exitFailed, "CLI_FILE_MISSING"},
		},
	}
}

// named are the bad inputs of a command on one object: args are good ones, which the other may not give.
func named(kind, args, other string) []bad {
	gone := strings.ToUpper(kind) + "_NOT_FOUND|OBJECT_NOT_FOUND|METHOD_FORBIDDEN"
	id, rest, _ := strings.Cut(args, " ")
	rest += " --credential "
	return []bad{
		{rest + other, exitMisused, "CLI_ARGS"},
		{id + " " + id + " " + rest + other, exitMisused, "CLI_ARGS"},
		{"../" + kind + " " + rest + other, exitMisused, "CLI_NAME_BAD"},
		{strings.Repeat("a", 10_000) + " " + rest + other, exitMisused, "CLI_NAME_BAD"},
		{strings.Repeat("a", 26) + " " + rest + "$AUTHORITY", exitFailed, gone},
		{args + " --credential " + other, exitFailed, gone},
	}
}

// leaves are the commands that do something, by path.
func leaves(cmd *cobra.Command) map[string]*cobra.Command {
	found := map[string]*cobra.Command{}
	for _, c := range cmd.Commands() {
		if c.HasSubCommands() {
			for path, leaf := range leaves(c) {
				found[c.Name()+" "+path] = leaf
			}
		} else if !c.Hidden {
			found[c.Name()] = c
		}
	}
	return found
}

// TestEveryCommandHasBadInputs: a command cannot be added without saying how it is misused.
func TestEveryCommandHasBadInputs(t *testing.T) {
	cases, commands := badInputs(), leaves((&shell{}).root())
	for path := range cases {
		if commands[path] == nil {
			t.Errorf("%s is not a command", path)
		}
	}
	for path, c := range commands {
		if len(cases[path]) == 0 {
			t.Errorf("%s has no bad input", path)
		}
		if _, needs, _ := strings.Cut(c.Use, " "); needs == "" {
			continue
		}
		if !slices.ContainsFunc(cases[path], func(b bad) bool { return b.reason == "CLI_ARGS" || b.reason == "CLI_FLAG_MISSING" }) {
			t.Errorf("%s needs something, and nothing shows what happens without it", path)
		}
	}
}

func (d *domain) testBadInputs(t *testing.T) {
	all := badInputs()
	for _, path := range slices.Sorted(maps.Keys(all)) {
		for _, b := range all[path] {
			t.Run(path, func(t *testing.T) {
				dir := t.TempDir()
				t.Chdir(dir)
				status, out, errs := command(t, append(strings.Fields(path), d.words(b.line)...)...)
				line := b.line[:min(len(b.line), 100)]
				if status != b.status {
					t.Errorf("%s: status %d, not %d", line, status, b.status)
				}
				reason := reasonIn(errs)
				if !slices.Contains(strings.Split(b.reason, "|"), reason) {
					t.Errorf("%s: reason %q, not %s:\n%s", line, reason, b.reason, errs)
				}
				if regexp.MustCompile(`\{[a-z_]+\}|%!`).MatchString(errs) {
					t.Errorf("%s: a text is not filled in: %s", line, errs)
				}
				if path != "verify" && path != "demo" && out != "" {
					t.Errorf("%s: printed as if it had worked: %s", line, out)
				}
				if _, err := os.Stat("fresh"); path == "demo" && err == nil {
					t.Errorf("%s: what it could not start stays in the way of another try", line)
				}
				if left := files(t, dir); len(left) > 0 {
					t.Errorf("%s: left %v behind", line, left)
				}
			})
		}
	}
	for _, group := range []string{"", "identity", "dataset", "grant", "module", "module review", "run", "review", "policy", "ledger", "help"} {
		status, out, errs := command(t, append(strings.Fields(group), "nonsense")...)
		if status != exitMisused || out != "" || reasonIn(errs) != "CLI_COMMAND_UNKNOWN" {
			t.Errorf("%s nonsense: status %d\n%s%s", group, status, out, errs)
		}
	}
}

// TestStopped: an interrupt ends what works on this machine's files too; it says so, and leaves nothing behind.
func TestStopped(t *testing.T) {
	t.Chdir(t.TempDir())
	if status, _, errs := command(t, "dataset", "sample", "--rows", "1000000", "--out", "visits.csv"); status != exitDone { // two steps to read
		t.Fatal(errs)
	}
	for _, line := range []string{"dataset sample --rows 1000000000 --out more.csv", "dataset draft visits.csv --out draft.yaml"} {
		ctx, interrupt := context.WithCancel(t.Context())
		var errs strings.Builder
		stderr := writerFunc(func(b []byte) (int, error) {
			interrupt() // at the first sign of progress
			return errs.Write(b)
		})
		status := Main(ctx, strings.Fields(line), strings.NewReader(""), io.Discard, stderr)
		interrupt()
		if status != exitFailed || reasonIn(errs.String()) != "CLI_STOPPED" {
			t.Errorf("%s: status %d\n%s", line, status, errs.String())
		}
	}
	if left := files(t, "."); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

// reasonIn is the stable reason of what was printed, in either language.
func reasonIn(stderr string) string {
	for line := range strings.Lines(stderr) {
		for _, label := range []string{"reason: ", "原因代码："} {
			if reason, ok := strings.CutPrefix(line, label); ok {
				return strings.TrimSpace(reason)
			}
		}
	}
	return ""
}

// files are the regular files below a directory. A service that cannot start leaves the folders that it made, but no file but its lock.
func files(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != "lock" {
			found = append(found, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}
