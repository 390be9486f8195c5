#include "guest.h"
void tasks_attack(unsigned task)
{
	(void)task;
}
