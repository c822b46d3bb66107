/* The honest guest: puts a person into one of four age bands by year of birth. A missing or future year drops the row. */
#include "darkroom.h"

static int64_t as_of;

int32_t darkroom_init(const char *json, int32_t length)
{
	return darkroom_param_int64(json, length, "as_of", &as_of) ? 0 : 1;
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	if (batch->columns != 1 || batch->keys != 1 || darkroom_column(batch, 0)->type != DARKROOM_INT64)
		return 2;
	const int64_t *born = darkroom_int64(batch, 0);
	int32_t *band = darkroom_key(batch, 0);
	for (uint32_t i = 0; i < batch->rows; i++) {
		int64_t age = as_of - born[i];
		int32_t code = (age >= 18) + (age >= 45) + (age >= 65);
		band[i] = age >= 0 && darkroom_valid(batch, 0, i) ? code : -1;
	}
	return 0;
}
