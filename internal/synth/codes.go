package synth

import (
	"maps"
	"slices"
	"strings"
)

// chapters are some chapters of ICD-10 with common three-character codes of outpatient visits; the weight of a code falls along its
// chapter.
var chapters = []struct {
	label  string
	weight uint32
	codes  string
}{
	{"01 infectious", 40, "A09 B34 B18 A16 B35 B02 A49 A08 B00"},
	{"02 neoplasms", 30, "D25 C50 C34 C18 D24 C73 C22 C61 C20 D17"},
	{"03 blood", 10, "D50 D64 D69 D70"},
	{"04 endocrine", 80, "E11 E78 E04 E03 E05 E10 E79 E66 E14"},
	{"05 mental", 25, "F41 F32 F51 F20 F31 F03 F10"},
	{"06 nervous", 30, "G47 G44 G43 G45 G40 G20 G51"},
	{"07 eye", 45, "H10 H04 H52 H26 H40 H35"},
	{"08 ear", 20, "H66 H93 H91 H81 H60"},
	{"09 circulatory", 110, "I10 I25 I63 I67 I20 I48 I50 I49 I83 I21"},
	{"10 respiratory", 170, "J06 J20 J02 J18 J30 J45 J03 J44 J00 J32"},
	{"11 digestive", 110, "K29 K02 K21 K30 K04 K80 K05 K64 K76 K59"},
	{"12 skin", 60, "L30 L20 L50 L70 L23 L40 L08"},
	{"13 musculoskeletal", 90, "M54 M51 M47 M17 M75 M25 M79 M10 M06 M81"},
	{"14 genitourinary", 60, "N39 N76 N40 N20 N18 N92 N73 N64"},
	{"15 pregnancy", 15, "O26 O20 O03 O24"},
	{"18 symptoms", 60, "R10 R05 R51 R50 R42 R07 R53"},
	{"19 injury", 30, "S93 S61 T14 S01 S82 S62"},
	{"21 contact", 35, "Z00 Z34 Z51 Z01 Z71 Z09"},
}

// womenOnly and menOnly are codes that do not occur with the other sex.
const (
	womenOnly = "D25 C50 D24 N76 N92 N73 N64 O26 O20 O03 O24 Z34"
	menOnly   = "C61 N40"
	anyone    = "J06"
)

// districts are the districts of one city (Shenzhen) by GB/T 2260. In the last one live only a few people, whatever the number of rows.
var districts = []string{"440303", "440304", "440305", "440306", "440307", "440309", "440310", "440311", "440308"}

var districtWeights = []uint32{115, 155, 180, 450, 400, 250, 5, 110}

// birthAreas are where citizen numbers were given out (GB/T 2260).
var birthAreas = []string{
	"110101", "120101", "130102", "140105", "150102", "210102", "220102", "230102", "310101", "320102", "330102", "340102", "350102",
	"360102", "370102", "410102", "420102", "430102", "440103", "440303", "440304", "440305", "440306", "440307", "440507", "440882",
	"445281", "450102", "460105", "500101", "510104", "520102",
}

// Chapters maps every ICD-10 code of the table to the label of its chapter, as a manifest's map wants it.
func Chapters() map[string]string {
	of := map[string]string{}
	for _, c := range chapters {
		for code := range strings.FieldsSeq(c.codes) {
			of[code] = c.label
		}
	}
	return of
}

// diagnoses lists the codes with their cumulative weights.
func diagnoses() (codes []string, cumulative []uint32) {
	sum := uint32(0)
	for _, c := range chapters {
		weight := c.weight * 60
		for code := range strings.FieldsSeq(c.codes) {
			sum += weight
			codes, cumulative = append(codes, code), append(cumulative, sum)
			weight = weight*2/3 + 1
		}
	}
	return codes, cumulative
}

func codeList() []string { return slices.Sorted(maps.Keys(Chapters())) }
