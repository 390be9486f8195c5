/*
 * Conformance: runs every case and reports in TAP; the domain's end says the verdict: power-off if
 * all passed, crash if any failed.
 */
#include "conformance.h"

extern const struct guest_case guest_cases_start[], guest_cases_end[];

struct kernel *guest;
struct pv *pv;
uint16_t own_domid;

static enum { PASSED, FAILED, SKIPPED } result;
static char detail[256];

void case_failed(const char *file, int line, const char *what)
{
	result = FAILED;
	ksnprintf(detail, sizeof(detail), "%s:%d: not true: %s", file, line, what);
}

void case_differs(const char *file, int line, const char *what, int64_t got, int64_t want)
{
	result = FAILED;
	ksnprintf(detail, sizeof(detail), "%s:%d: %s is %ld, not %ld", file, line, what, got, want);
}

void case_skipped(const char *reason)
{
	result = SKIPPED;
	ksnprintf(detail, sizeof(detail), "%s", reason);
}

/* The hypervisor resolves DOMID_SELF when it stores whom a port is for. */
static uint16_t find_domid(void)
{
	struct pv_evtchn_status s;
	int port = new_unbound();

	if (port < 0 || port_status((uint32_t)port, &s) || close_port((uint32_t)port))
		panic("conformance: no event channels at all");
	return s.u.unbound.dom;
}

/* A case that failed may have left ports behind, which must not make the next one fail. */
static void clean_up(void)
{
	struct pv_evtchn_status s;
	uint32_t port;

	for (port = 1; port < 256; port++) {
		if (port_status(port, &s))
			return;
		if (s.status == PV_EVTCHNSTAT_virq || s.status == PV_EVTCHNSTAT_ipi ||
		    (s.status == PV_EVTCHNSTAT_unbound && s.u.unbound.dom == own_domid) ||
		    (s.status == PV_EVTCHNSTAT_interdomain && s.u.interdomain.dom == own_domid))
			pv_evtchn_close(pv, port);
	}
	trap_hook = NULL;
}

void guest_main(struct kernel *k)
{
	const struct guest_case *c;
	unsigned n = 0, failed = 0;

	guest = k;
	pv = k->pv;
	own_domid = find_domid();
	if (kernel_grants_init())
		panic("conformance: no grant table");
	kprintf("TAP version 13\n1..%u\n", (unsigned)(guest_cases_end - guest_cases_start));
	for (c = guest_cases_start; c < guest_cases_end; c++) {
		result = PASSED;
		c->run();
		n++;
		if (result == FAILED) {
			failed++;
			clean_up();
			kprintf("not ok %u - %s\n# %s\n", n, c->name, detail);
		} else if (result == SKIPPED) {
			kprintf("ok %u - %s # SKIP %s\n", n, c->name, detail);
		} else {
			kprintf("ok %u - %s\n", n, c->name);
		}
	}
	kprintf("# %u of %u failed\n", failed, n);
	kernel_shutdown(failed ? PV_SHUTDOWN_crash : PV_SHUTDOWN_poweroff);
}
