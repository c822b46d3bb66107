/* A guest that tries to group by identity: every row of a batch goes to a group of its own, so that each "sum" is one person's value. */
#include "darkroom.h"

int32_t darkroom_init(const char *json, int32_t length)
{
	(void)json, (void)length;
	return 0;
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	int32_t *group = darkroom_key(batch, 0);
	for (uint32_t i = 0; i < batch->rows; i++)
		group[i] = (int32_t)i;
	return 0;
}
