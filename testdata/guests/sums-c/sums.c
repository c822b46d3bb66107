/* A program for benchmarks: of each district, its visits and what they cost, as sums-go. */
#include "darkroom.h"

static int64_t visits[16], cost[16];
static int32_t district_at, cost_at, out_district, out_visits, out_cost;

int32_t darkroom_init(const char *json, int32_t length)
{
	district_at = darkroom_position(json, length, "columns", "district");
	cost_at = darkroom_position(json, length, "columns", "cost");
	out_district = darkroom_position(json, length, "output", "district");
	out_visits = darkroom_position(json, length, "output", "visits");
	out_cost = darkroom_position(json, length, "output", "cost");
	return district_at < 0 || cost_at < 0;
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	const int32_t *district = darkroom_int32(batch, (uint32_t)district_at);
	const int64_t *paid = darkroom_int64(batch, (uint32_t)cost_at);
	const uint8_t *here = darkroom_validity(batch, (uint32_t)district_at), *known = darkroom_validity(batch, (uint32_t)cost_at);
	for (uint32_t i = 0, rows = batch->rows; i < rows; i++) {
		if (darkroom_bit(here, i) && darkroom_bit(known, i)) {
			visits[district[i] & 15]++;
			cost[district[i] & 15] += paid[i];
		}
	}
	return 0;
}

static int64_t rows[3][16];

int32_t darkroom_finish(darkroom_table_t *table)
{
	for (int64_t code = 0; code < 16; code++)
		if (visits[code]) {
			rows[0][table->rows] = code;
			rows[1][table->rows] = visits[code];
			rows[2][table->rows++] = cost[code];
		}
	darkroom_output(table, (uint32_t)out_district)->data = rows[0];
	darkroom_output(table, (uint32_t)out_visits)->data = rows[1];
	darkroom_output(table, (uint32_t)out_cost)->data = rows[2];
	return 0;
}
