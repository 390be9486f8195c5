/*
 * The end of every host_*.c: one suite of one case, in TAP.
 */
#ifndef TESTS_UNIT_HOST_RUN_H
#define TESTS_UNIT_HOST_RUN_H

#include <check.h>

static inline int host_run(const char *name, void (*fill)(TCase *t))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	fill(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#endif
