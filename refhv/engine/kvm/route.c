/*
 * route.c: event-channel sends that KVM itself passes on
 *
 * Code that we give to the guest (page.c) sends by an OUT of the event channel's port to
 * KE_PORT_SEND. For a port whose other end is an eventfd, KVM writes that (ioeventfd) and the guest
 * goes on at once. For all others the OUT ends up here. Where hypercalls go through KVM's own Xen
 * support, that can write the eventfd.
 */
#include <pv/abi/event_channel.h>
#include <pv/abi/xen.h>
#include <sys/ioctl.h>
#include "kvm.h"

static bool by_ioeventfd(struct engine *e, uint32_t port, unsigned kick, bool off)
{
	struct kvm_ioeventfd io = {
		.datamatch = port,
		.addr = KE_PORT_SEND,
		.len = 4,
		.fd = e->kick[kick],
		.flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH |
			 (off ? KVM_IOEVENTFD_FLAG_DEASSIGN : 0),
	};

	return !ioctl(e->vm, KVM_IOEVENTFD, &io);
}

static bool by_kvm_xen(struct engine *e, uint32_t port, unsigned kick, bool off)
{
	struct kvm_xen_hvm_attr a = {
		.type = KVM_XEN_ATTR_TYPE_EVTCHN,
		.u.evtchn = {.send_port = port,
			     .type = PV_EVTCHNSTAT_interdomain,
			     .flags = off ? KVM_XEN_EVTCHN_DEASSIGN : 0,
			     .deliver.eventfd.fd = e->kick[kick]},
	};

	return e->xen_sends && !ioctl(e->vm, KVM_XEN_HVM_SET_ATTR, &a);
}

static bool ask_kvm(struct engine *e, uint32_t port, unsigned kick, bool off)
{
	return ke_read(&e->trap) == KE_TRAP_KVM_XEN ? by_kvm_xen(e, port, kick, off)
						    : by_ioeventfd(e, port, kick, off);
}

void ke_route_set(struct engine *e, uint32_t port, struct pv_route route)
{
	uint8_t to = route.kind == PV_ROUTE_KICK && route.kick < ENGINE_KICK_FDS
			     ? (uint8_t)(1 + route.kick)
			     : 0;

	if (port >= ENGINE_MAX_PORTS || to == e->routed[port])
		return;
	if (e->routed[port])
		ask_kvm(e, port, e->routed[port] - 1u, true);
	e->routed[port] = to && ask_kvm(e, port, to - 1u, false) ? to : 0;
}
