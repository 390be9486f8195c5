/*
 * The host library under a guest library, in one process: the host's half.
 */
#include "evtchn_pair.h"

#include <stdlib.h>
#include <string.h>

#include <pv/abi/vcpu.h>

#include "fake_vmm.h"

#define FIRST (FAKE_ARGS + 4) /* a page of arguments for each vCPU */

static struct fake_vmm f;
static bool used[FAKE_PAGES];
static struct pv_host_port end[8];
long pair_pages_left, pair_pages_used;

void pair_open(unsigned vcpus, uint32_t max_ports)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, vcpus);
	cfg.max_ports = max_ports;
	fake_open_cfg(&f, &cfg, false);
	memset(used, 0, sizeof(used));
	memset(end, 0, sizeof(end));
	pair_pages_left = -1;
	pair_pages_used = 0;
}

void pair_close(void)
{
	fake_close(&f);
}

int64_t pair_call(unsigned vcpu, uint64_t nr, uint64_t cmd, void *arg, size_t size)
{
	unsigned char *page = fake_page(&f, FAKE_ARGS + vcpu);
	uint64_t a[6] = {cmd, fake_gva(FAKE_ARGS + vcpu)};
	int64_t rc;

	memcpy(page, arg, size);
	rc = pv_domain_hypercall(f.d, vcpu, nr, a);
	memcpy(arg, page, size);
	return rc;
}

int64_t pair_register_vcpu_info(unsigned vcpu, const void *arg, size_t size)
{
	memcpy(fake_page(&f, FAKE_ARGS), arg, size);
	return fake_hypercall(&f, 0, PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_info, vcpu,
			      fake_gva(FAKE_ARGS), 0);
}

void *pair_page(void)
{
	unsigned i;

	if (!pair_pages_left)
		return NULL;
	if (pair_pages_left > 0)
		pair_pages_left--;
	for (i = FIRST; i < FAKE_PAGES; i++) {
		if (used[i])
			continue;
		used[i] = true;
		pair_pages_used++;
		return memset(fake_page(&f, i), 0, 4096);
	}
	return NULL;
}

uint64_t pair_gfn(const void *page)
{
	return (uint64_t)((const unsigned char *)page - f.ram) / 4096;
}

void pair_page_free(void *page)
{
	if (!used[pair_gfn(page)])
		abort();
	used[pair_gfn(page)] = false;
	pair_pages_used--;
}

int pair_bind(unsigned n, uint32_t port)
{
	end[n] = (struct pv_host_port){.domid = PAIR_BACKEND, .kick = 1};
	return pv_domain_evtchn_bind_host(f.d, &end[n], port);
}

int pair_send(unsigned n)
{
	return pv_domain_evtchn_send(f.d, &end[n]);
}

bool pair_is_fifo(void)
{
	return f.fifo;
}
