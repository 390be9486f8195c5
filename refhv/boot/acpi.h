/*
 * acpi: the tables by which a PVH guest learns of its vCPUs, switches itself off and resets itself.
 *
 * The numbers here are told to the guest in the tables; the engine that runs it answers at the same
 * ports. All of them are system I/O, one byte wide. Trusts its caller; the guest only ever reads what
 * is made here, and every byte of it follows from the configuration.
 */
#ifndef REFHV_BOOT_ACPI_H
#define REFHV_BOOT_ACPI_H

#include <stdint.h>

/*
 * ACPI 6.3, 4.8.3.7: a guest switches off by writing SLP_EN (bit 5) with the type of S5 (bits 2 to 4) to
 * the control port. Bits that it does not define are ignored. A read of the control port is 0, of the
 * status port BOOT_ACPI_WAK_STS (a guest that sleeps waits for it, one that wakes clears it).
 */
#define BOOT_ACPI_SLEEP_PORT	    0x604
#define BOOT_ACPI_SLEEP_STATUS_PORT 0x605
#define BOOT_ACPI_SLP_TYP_S5	    5
#define BOOT_ACPI_SLEEP_S5	    (1 << 5 | BOOT_ACPI_SLP_TYP_S5 << 2)
#define BOOT_ACPI_SLEEP_MASK	    (1 << 5 | 7 << 2) /* (byte & MASK) == SLEEP_S5: power off */
#define BOOT_ACPI_WAK_STS	    (1 << 7)

/* Writing this value to this port resets the machine; other values do nothing. */
#define BOOT_ACPI_RESET_PORT  0x606
#define BOOT_ACPI_RESET_VALUE 1

/* Guest-physical places: the tables, and the RSDP, which points to the others. */
#define BOOT_ACPI_START	    0xfefe0000u
#define BOOT_ACPI_END	    0xfeff8000u /* end excluded; above are the special pages */
#define BOOT_ACPI_RSDP	    BOOT_ACPI_START
#define BOOT_ACPI_RSDP_SIZE 36u /* bytes */

/* The local APIC id of a vCPU, as on Xen. */
#define BOOT_APIC_ID(vcpu)  (2u * (vcpu))
#define BOOT_ACPI_MAX_VCPUS 512u

/*
 * Writes all tables to `to`, which is BOOT_ACPI_END - BOOT_ACPI_START zero bytes that the guest sees at
 * BOOT_ACPI_START. Of maxvcpus processors (1..BOOT_ACPI_MAX_VCPUS) the first `vcpus` are enabled; the
 * others are listed as ones that can be brought online later. Returns how many bytes are used.
 */
uint32_t boot_acpi(void *to, unsigned vcpus, unsigned maxvcpus);

#endif
