/*
 * A program that tries everything: its parameter "act" says what. The acts are listed in programs.go, with what each of them attempts.
 * All of them keep rows and give them away, disguised; or lie about their table; or make what happens depend on a row.
 *
 * Columns: district, sex, birth_year, icd10, visit_date, cost. The first acts fill whichever of the output columns of those names there are,
 * and line, score and number; the others fill the columns of a small table: e (enum), n (int64), d (decimal), t (text).
 */
#include "darkroom.h"

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
IMPORT(fd_write) int32_t fd_write(int32_t file, const void *vectors, int32_t count, uint32_t *written);
IMPORT(proc_exit) _Noreturn void proc_exit(int32_t code);

typedef struct {
	int32_t district, sex, icd10, date;
	int64_t born, cost;
} row_t;

enum { LIMIT = 100000, LINE = 96 };

static const char *json;
static int32_t length;
static int64_t limit, above;
static row_t *rows;
static uint32_t kept;
static int met; /* a row that costs at least "above" */
static row_t first;
static int32_t district, sex, birth_year, icd10, visit_date, cost; /* which column each is, -1 if it is not shown */

static int act(const char *name)
{
	return darkroom_param_is(json, length, "act", name);
}

int32_t darkroom_init(const char *text, int32_t bytes)
{
	json = text, length = bytes;
	district = darkroom_position(json, length, "columns", "district");
	sex = darkroom_position(json, length, "columns", "sex");
	birth_year = darkroom_position(json, length, "columns", "birth_year");
	icd10 = darkroom_position(json, length, "columns", "icd10");
	visit_date = darkroom_position(json, length, "columns", "visit_date");
	cost = darkroom_position(json, length, "columns", "cost");
	return !darkroom_param_int64(json, length, "rows", &limit) || !darkroom_param_int64(json, length, "above", &above) || limit > LIMIT;
}

static int64_t value(const darkroom_batch_t *batch, int32_t at, uint32_t i)
{
	if (at < 0 || !darkroom_valid(batch, (uint32_t)at, i))
		return 0;
	if (darkroom_column(batch, (uint32_t)at)->type == DARKROOM_INT64)
		return darkroom_int64(batch, (uint32_t)at)[i];
	return darkroom_int32(batch, (uint32_t)at)[i];
}

static void print(const void *bytes, uint32_t size)
{
	struct {
		const void *bytes;
		uint32_t size;
	} vector = {bytes, size};
	uint32_t written;
	(void)fd_write(1, &vector, 1, &written);
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	if (!rows)
		rows = darkroom_reserve(LIMIT * sizeof(row_t));
	int printing = act("print");
	for (uint32_t i = 0; i < batch->rows; i++) {
		row_t r = {
			(int32_t)value(batch, district, i), (int32_t)value(batch, sex, i), (int32_t)value(batch, icd10, i),
			(int32_t)value(batch, visit_date, i), value(batch, birth_year, i), value(batch, cost, i),
		};
		if (kept < limit)
			rows[kept++] = r;
		if (r.cost < above)
			continue;
		if (!met)
			first = r;
		met = 1;
		if (printing)
			print(&r, sizeof r);
	}
	if (!met)
		return 0;
	if (act("trap-on-row"))
		__builtin_trap();
	if (act("exit-on-row"))
		proc_exit((int32_t)first.cost);
	if (act("fail-on-row"))
		return (int32_t)first.born;
	for (volatile int on = act("loop-on-row"); on;)
		;
	while (act("grow-on-row"))
		darkroom_reserve(1 << 20);
	return 0;
}

/* Digits of a number, at least one. */
static uint32_t digits(char *out, uint64_t v)
{
	char back[20];
	uint32_t n = 0, i = 0;
	do
		back[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		out[i++] = back[--n];
	return i;
}

/* A row as text, in the encoding of the act. */
static uint32_t encode(char *out, const row_t *r)
{
	char plain[LINE / 2];
	const uint64_t fields[] = {(uint64_t)r->district, (uint64_t)r->sex, (uint64_t)r->born, (uint64_t)r->icd10, (uint64_t)r->date, (uint64_t)r->cost};
	uint32_t n = 0, m = 0;
	for (int f = 0; f < 6; f++) {
		if (f)
			plain[n++] = ',';
		n += digits(plain + n, fields[f]);
	}
	if (act("base64")) {
		static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		for (uint32_t i = 0; i < n; i += 3) {
			uint32_t v = (uint32_t)(uint8_t)plain[i] << 16 | (i + 1 < n ? (uint32_t)(uint8_t)plain[i + 1] << 8 : 0) | (i + 2 < n ? (uint8_t)plain[i + 2] : 0);
			out[m++] = set[v >> 18];
			out[m++] = set[v >> 12 & 63];
			out[m++] = i + 1 < n ? set[v >> 6 & 63] : '=';
			out[m++] = i + 2 < n ? set[v & 63] : '=';
		}
		return m;
	}
	int mask = act("xor") ? 0x5a : 0;
	if (act("hex") || mask) {
		for (uint32_t i = 0; i < n; i++) {
			int b = plain[i] ^ mask;
			out[m++] = "0123456789abcdef"[b >> 4 & 15];
			out[m++] = "0123456789abcdef"[b & 15];
		}
		return m;
	}
	for (; m < n; m++)
		out[m] = plain[m];
	return m;
}

static darkroom_output_t *output(darkroom_table_t *table, const char *name)
{
	int32_t at = darkroom_position(json, length, "output", name);
	return at < 0 ? 0 : darkroom_output(table, (uint32_t)at);
}

/* Every field and every disguise that the manifest has a column for, for each kept row. */
static void give(darkroom_table_t *table)
{
	static const char *const names[] = {"district", "sex", "birth_year", "icd10", "visit_date", "cost", "score", "number"};
	table->rows = kept;
	for (int c = 0; c < 8; c++) {
		darkroom_output_t *o = output(table, names[c]);
		if (!o)
			continue;
		void *data = darkroom_reserve(kept * 8);
		o->data = data;
		for (uint32_t i = 0; i < kept; i++) {
			const row_t *r = &rows[act("shuffled") ? (uint32_t)((uint64_t)i * 100003 % kept) : i];
			/* 53 bits: all of a row, if the cost is below 2^23 */
			uint64_t packed = ((((uint64_t)r->district << 1 | (uint64_t)r->sex) << 7 | ((uint64_t)r->born & 127)) << 8 | (uint64_t)r->icd10) << 33 |
			                  (((uint64_t)r->date - 19358) & 1023) << 23 | ((uint64_t)r->cost & 0x7fffff);
			int64_t mixed = r->cost * 7919 + 104729;
			int64_t v[] = {r->district, r->sex, r->born, r->icd10, r->date, r->cost, 0, act("injective") ? mixed : (int64_t)packed};
			if (o->type == DARKROOM_INT32)
				((int32_t *)data)[i] = (int32_t)v[c];
			else if (o->type == DARKROOM_INT64)
				((int64_t *)data)[i] = v[c];
			else
				((double *)data)[i] = c == 6 ? (double)packed / 16777216 : (double)v[c] / 100;
		}
	}
	darkroom_output_t *line = output(table, "line");
	if (!line)
		return;
	char *text = darkroom_reserve(kept * LINE);
	int32_t *offsets = darkroom_reserve((kept + 1) * 4);
	offsets[0] = 0;
	for (uint32_t i = 0; i < kept; i++)
		offsets[i + 1] = offsets[i] + (int32_t)encode(text + offsets[i], &rows[i]);
	line->data = text;
	line->offsets = offsets;
	line->bytes = (uint32_t)offsets[kept];
}

/* A small honest table of four rows. What follows it spoils one thing. */
static int32_t e[8] = {0, 1, 0, 1}, offsets[9] = {0, 1, 2, 3, 4};
static int64_t n[8] = {1, -2, 3, -4};
static double d[8] = {0.5, 1.25, -2, 3};
static char t[16] = "abcdefghi";
static uint8_t valid[4][1] = {{0x0f}, {0x0f}, {0x0f}, {0x0f}};

static void probe(darkroom_table_t *table)
{
	darkroom_output_t *o = darkroom_output(table, 0);
	table->rows = 4;
	for (int c = 0; c < 4; c++)
		o[c].valid = valid[c];
	o[0].data = e, o[1].data = n, o[2].data = d, o[3].data = t;
	o[3].offsets = offsets, o[3].bytes = 4;
	uintptr_t end = __builtin_wasm_memory_size(0) << 16;
	if (act("wild-validity"))
		o[0].valid = (void *)0x7ffffff0;
	else if (act("wild-data"))
		o[1].data = (void *)0x7ffffff0;
	else if (act("null-data"))
		o[1].data = 0;
	else if (act("overhangs"))
		o[2].data = (void *)(end - 31);
	else if (act("wraps"))
		o[1].data = (void *)-16;
	else if (act("rows-too-many"))
		table->rows = 9;
	else if (act("rows-huge"))
		table->rows = 0xffffffff;
	else if (act("offsets-fall"))
		offsets[2] = 0;
	else if (act("offsets-beyond"))
		offsets[4] = 5;
	else if (act("offsets-negative"))
		offsets[0] = -1;
	else if (act("offsets-late"))
		offsets[0] = 1;
	else if (act("offsets-wild"))
		o[3].offsets = (void *)(end - 4);
	else if (act("bytes-behind"))
		o[3].bytes = 5;
	else if (act("bytes-huge"))
		o[3].bytes = 0xffffffff;
	else if (act("overlaps"))
		o[0].valid = o[1].valid = o[2].valid = o[3].valid = (uint8_t *)offsets, o[2].data = n;
	else if (act("enum-outside"))
		e[2] = 2;
	else if (act("enum-negative"))
		e[2] = -1;
	else if (act("int-outside"))
		n[2] = 11;
	else if (act("decimal-outside"))
		d[2] = -10.005;
	else if (act("infinite"))
		d[2] = __builtin_inf();
	else if (act("not-utf-8"))
		t[1] = (char)0xff;
	else if (act("invisible")) /* a zero-width space: three bytes of one text */
		t[1] = (char)0xe2, t[2] = (char)0x80, t[3] = (char)0x8b, offsets[2] = offsets[3] = 4;
	else if (act("control"))
		t[1] = 0x1b;
	else if (act("long-text"))
		offsets[1] = offsets[2] = offsets[3] = offsets[4] = o[3].bytes = 9;
	else if (act("version-changed"))
		table->version = 7, table->columns = 1 << 30, o[0].type = 99;
}

/* Tables that say the same whatever the rows were, in places where nothing may be said. */
static void hide(darkroom_table_t *table)
{
	probe(table);
	uint64_t secret = kept ? (uint64_t)rows[0].born ^ (uint64_t)rows[0].cost << 11 : 0;
	if (act("null-slots")) {
		valid[0][0] = valid[1][0] = valid[3][0] = 0xf0, valid[2][0] = 0xff; /* bits behind the last row as well */
		for (int i = 0; i < 4; i++) {
			e[i] = (int32_t)secret, n[i] = (int64_t)secret;
			((uint64_t *)d)[i] = 0x7ff0000000000001 | secret << 12 >> 12; /* NaN, with a payload */
			t[i] = (char)(secret >> 8 * i);
		}
		for (int i = 1; i < 4; i++)
			offsets[i] = (int32_t)(secret >> i & 1) + offsets[i - 1];
	}
	if (act("minus-zero"))
		for (int i = 0; i < 4; i++)
			e[i] = 0, n[i] = 0, d[i] = secret >> i & 1 ? -0.0 : 0.001, offsets[i + 1] = 0, valid[3][0] = secret & 15;
	if (act("minus-zero"))
		darkroom_output(table, 3)->bytes = 0;
	if (act("row-order"))
		for (int i = 0; i < 4; i++) { /* the same four rows, begun anywhere */
			int at = (int)((uint64_t)i + secret) & 3;
			e[i] = 0, n[i] = at, d[i] = at, t[i] = (char)('a' + at);
		}
}

int32_t darkroom_finish(darkroom_table_t *table)
{
	if (!rows)
		rows = darkroom_reserve(LIMIT * sizeof(row_t)); /* there was no batch */
	if (act("fail-finish"))
		return 1;
	if (darkroom_position(json, length, "output", "e") < 0)
		give(table);
	else if (act("null-slots") || act("minus-zero") || act("row-order"))
		hide(table);
	else
		probe(table);
	return 0;
}
