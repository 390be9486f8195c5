/*
 * fuzz_conback: a console backend whose frontend is hostile.
 *
 * The script moves all four indices and the bytes; no transfer may be longer than asked for or
 * than the ring.
 */
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/console.h>
#include <pv/back/console.h>
#include "fuzz.h"
#include "fuzz_bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[][2] = {{"ring-ref", "0"}, {"port", "5"}, {NULL, NULL}};
	struct fuzz_input in = {data, size};
	struct pv_xencons_interface *page;
	struct pv_conback c;
	struct fuzz_bus bus;
	char *buf;
	int n;

	fuzz_bus_init(&bus, &in);
	bus.keys = keys;
	page = (struct pv_xencons_interface *)bus.pages;
	pv_conback_init(&c, &bus.bus);
	bus.front_state = 3;
	(void)pv_conback_step(&c);
	while (in.left) {
		uint8_t op = fuzz_u8(&in);
		uint16_t arg = fuzz_u16(&in);

		buf = malloc(arg ? arg : 1);
		memset(buf, 'x', arg);
		switch (op % 6) {
		case 0:
			n = pv_conback_read(&c, buf, arg);
			if (n > arg || n > (int)sizeof(page->out))
				abort();
			break;
		case 1:
			n = pv_conback_write(&c, buf, arg);
			if (n > arg || n > (int)sizeof(page->in))
				abort();
			break;
		case 2: page->out_prod += arg % 2050; break;
		case 3: page->in_cons += arg % 1026; break;
		case 4: (&page->in_cons)[arg % 4] = fuzz_u32(&in); break;
		default:
			bus.front_state = arg % 10;
			(void)pv_conback_step(&c);
			break;
		}
		free(buf);
	}
	pv_conback_destroy(&c);
	fuzz_bus_fini(&bus);
	return 0;
}
