/*
 * fuzz_config: the xl.cfg reader over arbitrary bytes; what it accepts survives the way through JSON unchanged.
 */
#include <stdlib.h>
#include "config/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct refhv_config c, back;
	static struct config_notes notes;
	struct refhv_error e;
	json_t *one, *two;

	if (config_parse(&c, "/fuzz/x.cfg", (const char *)data, size, &notes, &e)) {
		if (!e.what[0] || !e.exit)
			abort();
		return 0;
	}
	one = config_to_json(&c);
	if (config_from_json(&back, one, &e))
		abort();
	two = config_to_json(&back);
	if (!json_equal(one, two))
		abort();
	json_decref(two);
	config_free(&back);
	json_decref(one);
	config_free(&c);
	return 0;
}
