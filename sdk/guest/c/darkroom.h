/*
 * Darkroom's module ABI, version 1, for C and C++ guests. It needs no C library, only clang's wasm32 target:
 *
 *   clang --target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib \
 *         -Wl,--no-entry -Wl,--strip-all -o age-band.wasm age-band.c
 *
 *   darkroom module build --code age-band.wasm      (joins it with darkroom.yaml)
 *
 * Include it in exactly one source file of a module; that file defines two functions, and a third in a module of form program:
 *
 *   int32_t darkroom_init(const char *json, int32_t length)    read the parameters; 0 is success
 *   int32_t darkroom_batch(const darkroom_batch_t *batch)      aggregate: fill the keys of one batch; program: see its rows;
 *                                                              0 is success
 *   int32_t darkroom_finish(darkroom_table_t *table)           program: return the table; 0 is success
 *
 * Form aggregate: the instance is fresh for every batch, so nothing is freed and no variable keeps anything from one batch to the
 * next. Form program: one instance sees every batch of a run, in order, and variables keep what they hold.
 *
 * Columns are those that the catalogue shows to a guest (class open or quasi, and those that the manifest shows), keys those that the
 * module computes, outputs those that it declares: look their positions up by name, with darkroom_position.
 */
#ifndef DARKROOM_H
#define DARKROOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define DARKROOM_C extern "C"
#else
#define DARKROOM_C extern
#endif
#define DARKROOM_EXPORT(name) DARKROOM_C __attribute__((export_name(#name)))

enum { DARKROOM_INT32 = 1, DARKROOM_INT64 = 2, DARKROOM_FLOAT64 = 3, DARKROOM_TEXT = 4 };

/* One input column. Values of rows that are empty or padding are 0 and not valid. */
typedef struct {
	uint32_t type;        /* DARKROOM_INT32: dates (days since 1970-01-01) and codes; DARKROOM_INT64: numbers */
	const uint8_t *valid; /* one bit a row, least significant first */
	const void *data;     /* rows values, aligned to 64 bytes */
	uint32_t bytes;       /* size of data */
} darkroom_column_t;

/* One output. All codes are -1 at first, which drops the row. */
typedef struct {
	int32_t *codes;
	uint32_t bytes;
} darkroom_key_t;

/* The descriptor: this header, then the columns, then the keys. */
typedef struct {
	uint32_t version; /* 1 */
	uint32_t rows;    /* aggregate: the same for every batch, padding included; program: those that there are */
	uint32_t columns;
	uint32_t keys;
} darkroom_batch_t;

static inline const darkroom_column_t *darkroom_column(const darkroom_batch_t *batch, uint32_t i)
{
	return (const darkroom_column_t *)(batch + 1) + i;
}

static inline const int64_t *darkroom_int64(const darkroom_batch_t *batch, uint32_t column)
{
	return (const int64_t *)darkroom_column(batch, column)->data;
}

static inline const int32_t *darkroom_int32(const darkroom_batch_t *batch, uint32_t column)
{
	return (const int32_t *)darkroom_column(batch, column)->data;
}

/* The column's bitmap, to be asked with darkroom_bit: in a loop over rows, take it before the loop. */
static inline const uint8_t *darkroom_validity(const darkroom_batch_t *batch, uint32_t column)
{
	return darkroom_column(batch, column)->valid;
}

static inline int darkroom_bit(const uint8_t *bitmap, uint32_t row)
{
	return bitmap[row >> 3] >> (row & 7) & 1;
}

static inline int darkroom_valid(const darkroom_batch_t *batch, uint32_t column, uint32_t row)
{
	return darkroom_bit(darkroom_validity(batch, column), row);
}

static inline int32_t *darkroom_key(const darkroom_batch_t *batch, uint32_t i)
{
	return ((const darkroom_key_t *)darkroom_column(batch, batch->columns))[i].codes;
}

/* One output column of a program. The host has set type; the guest sets the rest, and leaves what it points to alone. */
typedef struct {
	uint32_t type;          /* DARKROOM_INT32: positions in the manifest's values; DARKROOM_INT64; DARKROOM_FLOAT64; DARKROOM_TEXT */
	const uint8_t *valid;   /* one bit a row, least significant first; 0 if no value is empty */
	const void *data;       /* rows values; of a text, its bytes, one text behind the other */
	const int32_t *offsets; /* of a text: rows + 1, where each begins and the last ends; the first is 0 */
	uint32_t bytes;         /* of a text: the size of data */
} darkroom_output_t;

/* The table's descriptor: this header, then the outputs. */
typedef struct {
	uint32_t version; /* 1 */
	uint32_t columns;
	uint32_t rows; /* the guest sets it */
} darkroom_table_t;

static inline darkroom_output_t *darkroom_output(darkroom_table_t *table, uint32_t i)
{
	return (darkroom_output_t *)(table + 1) + i;
}

/* Finds "name":next in the JSON given to darkroom_init and returns what follows next, or 0. The host writes no spaces. */
static inline const char *darkroom_find(const char *json, const char *end, const char *name, const char *next)
{
	for (; json < end; json++) {
		const char *p = json, *n = name;
		if (*p++ != '"')
			continue;
		while (p < end && *n && *p == *n)
			p++, n++;
		if (*n || end - p < 2 || p[0] != '"' || p[1] != ':')
			continue;
		p += 2;
		if (!*next || (p < end && *p == *next))
			return *next ? p + 1 : p;
	}
	return 0;
}

/* Reads a parameter of type int64. Returns 0 and leaves value alone if the manifest has none of that name. */
static inline int darkroom_param_int64(const char *json, int32_t length, const char *name, int64_t *value)
{
	const char *end = json + length, *p = darkroom_find(json, end, name, "");
	if (!p)
		return 0;
	int negative = p < end && *p == '-';
	const char *digits = p += negative;
	uint64_t v = 0;
	while (p < end && *p >= '0' && *p <= '9')
		v = v * 10 + (uint64_t)(*p++ - '0');
	if (p == digits)
		return 0;
	*value = (int64_t)(negative ? 0 - v : v);
	return 1;
}

/* Reports whether a parameter of type enum has a value, which must be plain: no quotes, no backslashes. */
static inline int darkroom_param_is(const char *json, int32_t length, const char *name, const char *value)
{
	const char *end = json + length, *p = darkroom_find(json, end, name, "\"");
	while (p && p < end && *value && *p == *value)
		p++, value++;
	return p && p < end && !*value && *p == '"';
}

/* The position of a name in list, which is "columns", "keys" or "output", or -1. */
static inline int32_t darkroom_position(const char *json, int32_t length, const char *list, const char *name)
{
	const char *end = json + length, *p = darkroom_find(json, end, list, "[");
	for (int32_t at = 0; p && p < end && *p == '"'; at++) {
		const char *n = name;
		for (p++; p < end && *n && *p == *n; p++)
			n++;
		if (!*n && p < end && *p == '"')
			return at;
		while (p < end && *p != '"')
			p++;
		p += 2; /* the quote and a comma */
	}
	return -1;
}

/* What follows are the exports that every module has. Memory is handed out upward from the end of the program's own. */

DARKROOM_C unsigned char __heap_base;

static uintptr_t darkroom_top;

static void *darkroom_reserve(uint32_t bytes)
{
	uintptr_t start = ((darkroom_top ? darkroom_top : (uintptr_t)&__heap_base) + 63) & ~(uintptr_t)63;
	uint64_t end = (uint64_t)start + bytes, pages = (end + 65535) >> 16, have = __builtin_wasm_memory_size(0);
	if (pages > 65536 || (pages > have && __builtin_wasm_memory_grow(0, (size_t)(pages - have)) == (size_t)-1))
		__builtin_trap(); /* no memory is left */
	darkroom_top = (uintptr_t)end;
	return (void *)start;
}

DARKROOM_EXPORT(darkroom_abi) int32_t darkroom_abi(void)
{
	return 1;
}

DARKROOM_EXPORT(darkroom_window) void *darkroom_window(uint32_t bytes)
{
	return darkroom_reserve(bytes);
}

DARKROOM_EXPORT(darkroom_alloc) void *darkroom_alloc(uint32_t bytes)
{
	return darkroom_reserve(bytes);
}

DARKROOM_EXPORT(darkroom_init) int32_t darkroom_init(const char *json, int32_t length);
DARKROOM_EXPORT(darkroom_batch) int32_t darkroom_batch(const darkroom_batch_t *batch);
DARKROOM_EXPORT(darkroom_finish) int32_t darkroom_finish(darkroom_table_t *table);

#endif
