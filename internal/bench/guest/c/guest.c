/*
 * The benchmark's guest in C. Of a key "selected" it keeps the rows that six predicates hold for; of the keys "district" and
 * "department" it says what the columns say. See questions() for the same in the words of the other sides.
 */
#include "darkroom.h"

static int32_t selected, visit_date, discount, quantity, region;
static int32_t district_key, department_key, district, department;

int32_t darkroom_init(const char *json, int32_t length)
{
	selected = darkroom_position(json, length, "keys", "selected");
	visit_date = darkroom_position(json, length, "columns", "visit_date");
	discount = darkroom_position(json, length, "columns", "discount");
	quantity = darkroom_position(json, length, "columns", "quantity");
	region = darkroom_position(json, length, "columns", "region");
	district_key = darkroom_position(json, length, "keys", "district");
	department_key = darkroom_position(json, length, "keys", "department");
	district = darkroom_position(json, length, "columns", "district");
	department = darkroom_position(json, length, "columns", "department");
	if (selected >= 0)
		return visit_date < 0 || discount < 0 || quantity < 0 || region < 0;
	return district_key < 0 || department_key < 0 || district < 0 || department < 0;
}

static void copy(const darkroom_batch_t *batch, int32_t column, int32_t key)
{
	const int32_t *from = darkroom_int32(batch, (uint32_t)column);
	int32_t *to = darkroom_key(batch, (uint32_t)key);
	for (uint32_t i = 0; i < batch->rows; i++)
		to[i] = from[i];
}

enum { SINCE = 19539, BEFORE = 19631 }; /* 2023-07-01, 2023-10-01 */

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	if (selected < 0) {
		copy(batch, district, district_key);
		copy(batch, department, department_key);
		return 0;
	}
	const int32_t *visited = darkroom_int32(batch, (uint32_t)visit_date), *place = darkroom_int32(batch, (uint32_t)region);
	const int64_t *off = darkroom_int64(batch, (uint32_t)discount), *amount = darkroom_int64(batch, (uint32_t)quantity);
	int32_t *code = darkroom_key(batch, (uint32_t)selected);
	for (uint32_t i = 0; i < batch->rows; i++) {
		int in = (visited[i] >= SINCE) & (visited[i] < BEFORE) & (off[i] >= 4) & (off[i] < 7) & (amount[i] < 24) & (place[i] != 3);
		code[i] = in - 1;
	}
	return 0;
}
