#include "guest.h"
void tasks_smp(unsigned task)
{
	(void)task;
}
