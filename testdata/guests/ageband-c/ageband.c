/* The honest guest: puts a person into one of four age bands by year of birth. A missing or future year drops the row. */
#include "darkroom.h"

static int64_t as_of;
static int32_t birth_year, age_band;

int32_t darkroom_init(const char *json, int32_t length)
{
	birth_year = darkroom_position(json, length, "columns", "birth_year");
	age_band = darkroom_position(json, length, "keys", "age_band");
	return birth_year >= 0 && age_band >= 0 && darkroom_param_int64(json, length, "as_of", &as_of) ? 0 : 1;
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	if (darkroom_column(batch, (uint32_t)birth_year)->type != DARKROOM_INT64)
		return 1;
	const int64_t *born = darkroom_int64(batch, (uint32_t)birth_year);
	int32_t *band = darkroom_key(batch, (uint32_t)age_band);
	for (uint32_t i = 0; i < batch->rows; i++) {
		int64_t age = as_of - born[i];
		int32_t code = (age >= 18) + (age >= 45) + (age >= 65);
		band[i] = age >= 0 && darkroom_valid(batch, (uint32_t)birth_year, i) ? code : -1;
	}
	return 0;
}
