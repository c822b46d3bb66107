/*
 * Darkroom's module ABI, version 1, for C and C++ guests. It needs no C library, only clang's wasm32 target:
 *
 *   clang --target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib \
 *         -Wl,--no-entry -Wl,--strip-all -o age-band.wasm age-band.c
 *
 * Include it in exactly one source file of a module; that file defines two functions:
 *
 *   int32_t darkroom_init(const char *json, int32_t length)    read the parameters; 0 is success
 *   int32_t darkroom_batch(const darkroom_batch_t *batch)      fill the keys of one batch; 0 is success
 *
 * The instance is fresh for every batch, so nothing is freed and no variable keeps anything from one batch to the next.
 * Columns are those that the catalogue shows to a guest (class open or quasi), keys those that the module computes: look their
 * positions up by name, with darkroom_position.
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

enum { DARKROOM_INT32 = 1, DARKROOM_INT64 = 2 };

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
	uint32_t rows;    /* the same for every batch, padding included */
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

static inline int darkroom_valid(const darkroom_batch_t *batch, uint32_t column, uint32_t row)
{
	return darkroom_column(batch, column)->valid[row >> 3] >> (row & 7) & 1;
}

static inline int32_t *darkroom_key(const darkroom_batch_t *batch, uint32_t i)
{
	return ((const darkroom_key_t *)darkroom_column(batch, batch->columns))[i].codes;
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

/* The position of a name in list, which is "columns" or "keys", or -1. */
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

#endif
