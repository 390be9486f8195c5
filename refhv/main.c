/*
 * refhv: the reference hypervisor.
 *
 * One program for every command. Trusts its own command line as far as the caller's rights go, and nothing else.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	(void)argc;
	printf("%s %s\n", argv[0], "0.1.0");
	return 0;
}
