/*
 * An honest program: of each district, how the cost of a visit goes with the patient's age. It keeps six sums a district, from which it
 * fits a straight line (ordinary least squares), and leaves out districts with fewer visits than the parameter min_visits.
 *
 * Columns: district (codes), birth_year, cost (in hundredths). Output: district (the same codes), visits, base (cost at age 0), per_year.
 */
#include "darkroom.h"

enum { DISTRICTS = 64 };

static struct {
	int64_t n;
	double x, y, xx, xy;
} sums[DISTRICTS];

static int64_t as_of, min_visits;
static int32_t district, birth_year, cost;
static int32_t outputs[4];

int32_t darkroom_init(const char *json, int32_t length)
{
	static const char *const names[] = {"district", "visits", "base", "per_year"};
	district = darkroom_position(json, length, "columns", "district");
	birth_year = darkroom_position(json, length, "columns", "birth_year");
	cost = darkroom_position(json, length, "columns", "cost");
	int missing = district < 0 || birth_year < 0 || cost < 0;
	for (int i = 0; i < 4; i++)
		missing |= (outputs[i] = darkroom_position(json, length, "output", names[i])) < 0;
	return missing || !darkroom_param_int64(json, length, "as_of", &as_of) || !darkroom_param_int64(json, length, "min_visits", &min_visits);
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	const int32_t *where = darkroom_int32(batch, (uint32_t)district);
	const int64_t *born = darkroom_int64(batch, (uint32_t)birth_year), *paid = darkroom_int64(batch, (uint32_t)cost);
	for (uint32_t i = 0; i < batch->rows; i++) {
		if (where[i] < 0 || where[i] >= DISTRICTS || !darkroom_valid(batch, (uint32_t)district, i) ||
		    !darkroom_valid(batch, (uint32_t)birth_year, i) || !darkroom_valid(batch, (uint32_t)cost, i))
			continue;
		double x = (double)(as_of - born[i]), y = (double)paid[i] / 100;
		sums[where[i]].n++;
		sums[where[i]].x += x;
		sums[where[i]].y += y;
		sums[where[i]].xx += x * x;
		sums[where[i]].xy += x * y;
	}
	return 0;
}

static int32_t code[DISTRICTS];
static int64_t visits[DISTRICTS];
static double base[DISTRICTS], per_year[DISTRICTS];

int32_t darkroom_finish(darkroom_table_t *table)
{
	const void *const data[] = {code, visits, base, per_year};
	uint32_t rows = 0;
	for (int32_t i = 0; i < DISTRICTS; i++) {
		double n = (double)sums[i].n, spread = n * sums[i].xx - sums[i].x * sums[i].x;
		if (sums[i].n < min_visits || spread <= 0)
			continue;
		code[rows] = i;
		visits[rows] = sums[i].n;
		per_year[rows] = (n * sums[i].xy - sums[i].x * sums[i].y) / spread;
		base[rows] = (sums[i].y - per_year[rows] * sums[i].x) / n;
		rows++;
	}
	table->rows = rows;
	for (int i = 0; i < 4; i++)
		darkroom_output(table, (uint32_t)outputs[i])->data = data[i];
	return 0;
}
