/*
 * pio.c: ports and addresses where a machine would have devices
 *
 * There are none but ACPI's three bytes and the port to which kernels print before they have a
 * console (Xen's XEN_HVM_DEBUGCONS_IOPORT; Linux with earlyprintk=xen). Everything else reads as
 * all ones, as on an empty bus; but the PIT's channel 2 (0x42) reads as 0, because Linux, which
 * calibrates by it, would wait through 100,000 reads of ones. And of port 0x61 the two bits are 0
 * that name a broken memory or bus as the cause of an NMI: an NMI from refhv is of nobody, which is
 * what a guest can be told to dump at (unknown_nmi_panic). The others stay: Linux waits for the
 * PIT's output, bit 5.
 */
#include <string.h>
#include <pv/abi/sched.h>
#include "boot/acpi.h"
#include "kvm.h"

#define PIT_CHANNEL_2 0x42
#define DEBUG_CONSOLE 0xe9
#define NMI_STATUS    0x61
#define NMI_CAUSES    (3u << 6)

uint8_t ke_pio_read(uint16_t port)
{
	switch (port) {
	case PIT_CHANNEL_2:
	case BOOT_ACPI_SLEEP_PORT: return 0;
	case NMI_STATUS: return 0xff & ~NMI_CAUSES;
	case BOOT_ACPI_SLEEP_STATUS_PORT: return BOOT_ACPI_WAK_STS;
	default: return 0xff;
	}
}

static void write_byte(struct ke_vcpu *v, uint16_t port, uint8_t value)
{
	if (port == BOOT_ACPI_SLEEP_PORT && (value & BOOT_ACPI_SLEEP_MASK) == BOOT_ACPI_SLEEP_S5)
		ke_ended(v->e, PV_SHUTDOWN_poweroff);
	if (port == BOOT_ACPI_RESET_PORT && value == BOOT_ACPI_RESET_VALUE)
		ke_ended(v->e, PV_SHUTDOWN_reboot);
}

void ke_pio(struct ke_vcpu *v)
{
	const struct engine_client *client = v->e->config.client;
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool out = run->io.direction == KVM_EXIT_IO_OUT;
	uint32_t size = run->io.size, n = size * run->io.count;

	if (out && run->io.port == KE_PORT_CALL && n == 1) {
		ke_hypercall(v);
		return;
	}
	if (out && run->io.port == KE_PORT_UNDONE && n == 1) {
		ke_hypercall_undone(v);
		return;
	}
	if (out && run->io.port == KE_PORT_SEND && n == 4) {
		ke_send(v);
		return;
	}
	ke_count(&v->exits[KE_EXIT_PIO]);
	if (out && run->io.port == DEBUG_CONSOLE && size == 1) {
		if (client->debug_write)
			client->debug_write(v->e->config.client_ctx, (const char *)data, n);
		return;
	}
	/* What a string instruction repeats is repeated here; each element is bytes of neighbours.
	 */
	for (uint32_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(run->io.port + i % size);

		if (out)
			write_byte(v, port, data[i]);
		else
			data[i] = ke_pio_read(port);
	}
}

void ke_mmio(struct ke_vcpu *v)
{
	ke_count(&v->exits[KE_EXIT_MMIO]);
	if (!v->run->mmio.is_write)
		memset(v->run->mmio.data, 0xff, sizeof(v->run->mmio.data));
}
