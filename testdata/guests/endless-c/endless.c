/* A guest that never ends: it must be stopped while others go on. */
#include "darkroom.h"

int32_t darkroom_init(const char *json, int32_t length)
{
	(void)json, (void)length;
	return 0;
}

int32_t darkroom_batch(const darkroom_batch_t *batch)
{
	volatile uint32_t turns = 0;
	while (batch->rows)
		turns++;
	return 0;
}
