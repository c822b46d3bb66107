package enclave

// Role is what a caller is in the domain (see the design's list of who takes part).
type Role string

// The roles.
const (
	Operator  Role = "operator"  // 授权运营单位: is granted data, submits modules
	Authority Role = "authority" // 数据主管部门: catalogues, approves, configures, suspends
	SourceOrg Role = "source"    // 数源部门: owns datasets, confirms grants
	Reviewer  Role = "reviewer"  // 出域审核: decides what the automatic review holds
	Auditor   Role = "auditor"   // 审计: reads every record, changes nothing
)

// Roles lists every role.
func Roles() []Role { return []Role{Operator, Authority, SourceOrg, Reviewer, Auditor} }

// Asks reports whether a role is of those who ask for data, and not of those who decide what they get or see everything of it. An
// organisation is on one side alone: it would judge its rivals otherwise, and read what they do. So a department that owns data does not
// apply for others' under the same name.
func (r Role) Asks() bool { return r == Operator }

// SelfOrg is the organisation under which the ledger records what the enclave does by itself. No credential may name it.
const SelfOrg = "enclave"

// Caller is an authenticated person or service, as its client certificate names it.
type Caller struct {
	Role Role   `json:"role"`
	Org  string `json:"org"`
	Name string `json:"name"`
}

// SamePerson reports whether two callers are one person, whatever roles they call in: somebody with two credentials still counts once.
func (c Caller) SamePerson(other Caller) bool { return c.Org == other.Org && c.Name == other.Name }
