package load

import (
	"slices"
	"strings"
	"unicode"

	"github.com/darkroom-project/darkroom/enclave"
)

// meaning is what a header's words suggest.
type meaning struct {
	words []string // parts of an English header, or of a Chinese one
	class enclave.Class
	kind  enclave.SubjectKind // of an identifier that may be the subject
	code  bool                // values are codes even where they look like numbers
}

// meanings are tried in order: the particular before the general.
var meanings = []meaning{
	{[]string{"身份证", "公民身份", "citizen", "idcard", "idno", "证件号", "社保号", "医保号", "ssn"}, enclave.Identifier, enclave.Person, false},
	{[]string{"信用代码", "uscc", "creditcode", "组织机构代码", "纳税人识别号", "taxpayer"}, enclave.Identifier, enclave.Organisation, false},
	{[]string{"地址", "住址", "address", "手机", "电话", "phone", "mobile", "tel", "邮箱", "email", "mail", "车牌", "plate"}, enclave.Identifier, "", false},
	{[]string{"姓名", "名称", "fullname", "firstname", "lastname", "surname"}, enclave.Identifier, "", false},
	{[]string{"patientid", "personid", "患者编号", "病历号", "就诊卡号", "userid", "memberid"}, enclave.Identifier, enclave.Person, false},
	{[]string{"companyid", "enterpriseid", "utilityid", "企业编号", "单位编号", "firmid", "orgid"}, enclave.Identifier, enclave.Organisation, false},

	{[]string{"诊断", "疾病", "icd", "diagnos", "disease", "病种"}, enclave.Sensitive, "", true},
	{[]string{"salary", "income", "收入等级", "犯罪", "crime", "宗教", "religion", "药品", "drug", "检验结果", "hiv"}, enclave.Sensitive, "", false},

	{
		[]string{"费用", "金额", "成本", "cost", "amount", "revenue", "sales", "price", "fee", "收入", "支出", "余额", "balance", "数量", "quantity", "capital", "profit", "assets", "debt"},
		enclave.Measure, "", false,
	},

	{[]string{"性别", "sex", "gender", "民族", "ethnic", "race", "行政区划", "区划", "district", "region", "state", "county", "province", "city", "country"}, enclave.Quasi, "", true},
	{[]string{"学历", "教育", "education", "职业", "occupation", "workclass", "婚姻", "marital", "行业", "industry", "户籍"}, enclave.Quasi, "", true},
	{[]string{"出生", "birth", "年龄", "age", "日期", "date", "年份", "year", "month", "月份"}, enclave.Quasi, "", false},
	{[]string{"编号", "流水号", "序号", "id"}, enclave.Identifier, enclave.Person, false},
}

// short are words that must be a whole word of the header: "age" is not in "percentage".
var short = []string{"id", "age", "sex", "tel", "fee", "hiv", "date", "year", "city", "race", "cost", "drug", "mail", "icd", "ssn", "idno", "debt", "state", "month"}

// meaningOf finds what a header suggests, or nil.
func meaningOf(header string) *meaning {
	lower := strings.ToLower(header)
	words := strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	joined := strings.Join(words, "")
	for i := range meanings {
		for _, w := range meanings[i].words {
			if slices.Contains(short, w) {
				if slices.Contains(words, w) || joined == w {
					return &meanings[i]
				}
			} else if strings.Contains(joined, w) {
				return &meanings[i]
			}
		}
	}
	return nil
}

// chineseNames are the names of common Chinese headers.
var chineseNames = map[string]string{
	"身份证号": "citizen_id", "身份证号码": "citizen_id", "公民身份号码": "citizen_id", "证件号码": "document_no", "姓名": "full_name", "患者姓名": "full_name",
	"手机号": "phone", "手机号码": "phone", "联系电话": "phone", "电话": "phone", "地址": "address", "住址": "address", "家庭住址": "address", "邮箱": "email",
	"统一社会信用代码": "uscc", "组织机构代码": "org_code", "企业名称": "company_name", "单位名称": "org_name", "机构名称": "org_name", "医疗机构": "hospital",
	"医院": "hospital", "医院名称": "hospital_name", "科室": "department", "性别": "sex", "年龄": "age", "出生日期": "birth_date", "出生年份": "birth_year",
	"民族": "ethnicity", "行政区划": "district", "行政区划代码": "district", "区划代码": "district", "区县": "district", "省份": "province", "城市": "city",
	"学历": "education", "文化程度": "education", "职业": "occupation", "婚姻状况": "marital_status", "行业": "industry", "户籍": "household",
	"诊断": "diagnosis", "主要诊断": "diagnosis", "诊断编码": "icd10", "疾病编码": "icd10", "就诊日期": "visit_date", "入院日期": "admission_date",
	"出院日期": "discharge_date", "日期": "date", "年份": "year", "月份": "month", "费用": "cost", "总费用": "total_cost", "金额": "amount", "收入": "income",
	"数量": "quantity", "编号": "id", "序号": "row_no", "病历号": "record_no", "就诊卡号": "card_no", "备注": "remark",
}

// columnName makes a column's name from its header; taken holds those that are given already. Headers in other scripts that the
// table does not know become column_<position>.
func columnName(header string, position int, taken map[string]bool) string {
	name, known := chineseNames[strings.TrimSpace(header)]
	if !known {
		var b strings.Builder
		foreign := false
		for _, r := range strings.ToLower(header) {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				b.WriteRune(r)
			case r > unicode.MaxASCII:
				foreign = true
			case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
				b.WriteByte('_')
			}
		}
		name = strings.Trim(b.String(), "_")
		if foreign || name == "" {
			name = "column_" + itoa(position)
		}
		if name[0] >= '0' && name[0] <= '9' {
			name = "c_" + name
		}
	}
	const longest = 56 // leaves room for a number
	name = name[:min(len(name), longest)]
	base := name
	for n := 2; taken[name]; n++ {
		name = base + "_" + itoa(n)
	}
	taken[name] = true
	return name
}

// datasetName makes a dataset's name from a file's name.
func datasetName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	const longest = 63
	out := b.String()
	out = strings.Trim(out[:min(len(out), longest)], "-")
	if out == "" {
		return "dataset"
	}
	return out
}
