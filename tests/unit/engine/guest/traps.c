#include "guest.h"
void tasks_traps(unsigned task)
{
	(void)task;
}
