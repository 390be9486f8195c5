#include "guest.h"
void tasks_events(unsigned task)
{
	(void)task;
}
