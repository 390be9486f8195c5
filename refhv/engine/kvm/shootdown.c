/*
 * shootdown.c: what one vCPU, or a person, has done to others: NMIs, and the end of old translations
 *
 * Both are done by a vCPU's own thread, because KVM keeps others out while it runs. Trust: the guest
 * decides when; it can only make its own vCPUs look up.
 */
#include <sys/ioctl.h>
#include <pv/abi/errno.h>
#include "kvm.h"

#define CR4_PGE (1ull << 7)
#define LOOK_NS 50000u

int ke_nmi(struct engine *e, unsigned vcpu)
{
	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	/* Kept until the vCPU is up: INIT would drop what KVM has. */
	ke_write(&e->vcpu[vcpu].nmi, 1);
	ke_ask(&e->vcpu[vcpu], KE_NMI);
	return 0;
}

void ke_nmi_give(struct ke_vcpu *v)
{
	if (ke_read(&v->up) && ke_swap(&v->nmi, 0))
		ioctl(v->fd, KVM_NMI);
}

/*
 * KVM has no request for it. But a vCPU whose paging has changed gets a new root, and with it the
 * processor forgets all translations of the old one: so global pages are switched over, and back.
 */
void ke_tlb_drop(struct ke_vcpu *v)
{
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return;
	s.cr4 ^= CR4_PGE;
	ioctl(v->fd, KVM_SET_SREGS, &s);
	s.cr4 ^= CR4_PGE;
	ioctl(v->fd, KVM_SET_SREGS, &s);
}

/*
 * Partners: a thread sets `inside` before it looks at todo, and this looks at `inside` after todo is set:
 * a vCPU that is seen outside drops its translations before it enters again. Two that flush each
 * other are both outside.
 */
int ke_tlb_flush(struct engine *e, unsigned by)
{
	uint32_t todo;

	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		if (i != by && ke_read(&e->vcpu[i].up))
			ke_ask(&e->vcpu[i], KE_FLUSH);
	ke_set(&e->vcpu[by].todo, KE_FLUSH);
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		while (ke_read(&e->vcpu[i].inside) && (todo = ke_read(&e->vcpu[i].todo)) & KE_FLUSH)
			ke_futex_wait(&e->vcpu[i].todo, todo, ke_now() + LOOK_NS);
	return 0;
}
