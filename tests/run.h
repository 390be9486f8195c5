/*
 * The end of every Check program: its suite runs, in TAP on standard output. Trust: test code.
 */
#ifndef TESTS_RUN_H
#define TESTS_RUN_H

#include <check.h>
#include <stdlib.h>

/* Check's 4 seconds are for a machine that does nothing else; a test that hangs still ends. */
__attribute__((constructor)) static void be_patient(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "30", 0);
}

/* main()'s exit code. */
static inline int run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

/* A suite of this case alone. */
static inline int run_case(const char *name, TCase *t)
{
	Suite *s = suite_create(name);

	suite_add_tcase(s, t);
	return run_suite(s);
}

#endif
