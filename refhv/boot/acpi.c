/*
 * acpi: writes the ACPI tables of a PVH guest: RSDP, XSDT, FADT, MADT and a DSDT.
 *
 * The platform is "hardware reduced" (ACPI 6.3, 4.1): no fixed events, no PIC, no timer; what is left is
 * switching off, reset, and processors. The tables follow from two numbers, and nothing that is not
 * written here reaches the guest (XSA-464). Section numbers are those of ACPI 6.3.
 */
#include <string.h>
#include "boot/acpi.h"

/* Tables being written upwards. The area is large enough for BOOT_ACPI_MAX_VCPUS, see the assertion. */
struct area {
	uint8_t *base;
	uint32_t used; /* bytes */
};

enum {
	HEADER = 36,	      /* bytes of a table's header (5.2.6) */
	DEVICE_MAX = 96,      /* bytes of one processor in the DSDT */
	MADT_ENTRY_MAX = 16,  /* bytes of one processor in the MADT */
	FIXED_MAX = 1024,     /* bytes of everything else */
	LAPIC = 0xfee00000,   /* where the local APICs are */
	XAPIC_IDS = 255,      /* ids from here on need an x2APIC entry */
	ADDRESS_SPACE_IO = 1, /* 5.2.3.2 */
	ACCESS_BYTE = 1,
};

_Static_assert(BOOT_ACPI_MAX_VCPUS *(DEVICE_MAX + MADT_ENTRY_MAX) + FIXED_MAX <=
		       BOOT_ACPI_END - BOOT_ACPI_START,
	       "all tables fit");

static void put(struct area *a, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		a->base[a->used++] = (uint8_t)v;
		v >>= 8;
	}
}

static void put_text(struct area *a, const char *s, unsigned bytes)
{
	memcpy(a->base + a->used, s, bytes);
	a->used += bytes;
}

static void set(struct area *a, uint32_t at, uint64_t v, unsigned bytes)
{
	struct area there = {a->base, at};

	put(&there, v, bytes);
}

/* Makes the bytes add up to 0. */
static void set_sum(struct area *a, uint32_t start, uint32_t len, uint32_t at)
{
	uint8_t sum = 0;

	a->base[at] = 0;
	for (uint32_t i = 0; i < len; i++)
		sum += a->base[start + i];
	a->base[at] = (uint8_t)-sum;
}

static uint32_t begin_table(struct area *a, const char *signature, uint8_t revision)
{
	uint32_t start;

	a->used = (a->used + 15) & ~15u;
	start = a->used;
	put_text(a, signature, 4);
	put(a, 0, 4); /* length */
	put(a, revision, 1);
	put(a, 0, 1); /* checksum */
	put_text(a, "LIBPV ", 6);
	put_text(a, "REFHV   ", 8);
	put(a, 1, 4);
	put_text(a, "LBPV", 4);
	put(a, 1, 4);
	return start;
}

/* Returns the table's guest-physical address. */
static uint64_t end_table(struct area *a, uint32_t start)
{
	set(a, start + 4, a->used - start, 4);
	set_sum(a, start, a->used - start, start + 9);
	return BOOT_ACPI_START + start;
}

/*
 * AML (chapter 20). A package's length includes its own bytes; the form of four bytes is always legal,
 * so lengths are filled in afterwards.
 */
static uint32_t begin_package(struct area *a)
{
	put(a, 0, 4);
	return a->used - 4;
}

static void end_package(struct area *a, uint32_t start)
{
	uint32_t len = a->used - start;

	set(a, start, 3 << 6 | (len & 15), 1);
	set(a, start + 1, len >> 4, 3);
}

static void put_name(struct area *a, const char *name)
{
	put(a, 0x08, 1); /* NameOp */
	put_text(a, name, 4);
}

/* A processor's entry in the MADT (5.2.12.2, 5.2.12.12). */
static void put_apic(struct area *a, unsigned vcpu, uint32_t flags)
{
	if (BOOT_APIC_ID(vcpu) < XAPIC_IDS) {
		put(a, 0 | 8 << 8, 2); /* type, length */
		put(a, vcpu, 1);
		put(a, BOOT_APIC_ID(vcpu), 1);
		put(a, flags, 4);
	} else {
		put(a, 9 | 16 << 8, 4);
		put(a, BOOT_APIC_ID(vcpu), 4);
		put(a, flags, 4);
		put(a, vcpu, 4);
	}
}

/*
 * A processor's device. Linux makes a processor known that is listed in the MADT but not enabled when
 * its device is present (_STA, which Linux asks for by name) and gives an enabled entry of its own (_MAT):
 * it is then there, offline, until somebody wants it.
 */
static void put_processor(struct area *a, unsigned vcpu)
{
	static const char hex[] = "0123456789ABCDEF";
	const char name[4] = {'C', hex[vcpu >> 8 & 15], hex[vcpu >> 4 & 15], hex[vcpu & 15]};
	uint32_t device, buffer, size;

	put(a, 0x825b, 2); /* DeviceOp */
	device = begin_package(a);
	put_text(a, name, 4);
	put_name(a, "_HID");
	put(a, 0x0d, 1); /* a string */
	put_text(a, "ACPI0007", 9);
	put_name(a, "_UID");
	put(a, 0x0b, 1); /* a word */
	put(a, vcpu, 2);
	put_name(a, "_STA");
	put(a, 0x0a | 0x0f << 8, 2); /* a byte: present, enabled, shown, working */
	put_name(a, "_MAT");
	put(a, 0x11, 1); /* BufferOp */
	buffer = begin_package(a);
	put(a, 0x0a, 1); /* a byte: how many follow */
	size = a->used;
	put(a, 0, 1);
	put_apic(a, vcpu, 1);
	set(a, size, a->used - size - 1, 1);
	end_package(a, buffer);
	end_package(a, device);
}

static uint64_t dsdt(struct area *a, unsigned maxvcpus)
{
	uint32_t start = begin_table(a, "DSDT", 2), scope, package;

	put_name(a, "_S5_");
	put(a, 0x12, 1); /* PackageOp */
	package = begin_package(a);
	put(a, 4, 1);
	put(a, 0x0a | BOOT_ACPI_SLP_TYP_S5 << 8, 2);
	put(a, 0, 3);
	end_package(a, package);
	put(a, 0x10, 1); /* ScopeOp */
	scope = begin_package(a);
	put_text(a, "\\_SB_", 5);
	for (unsigned i = 0; i < maxvcpus; i++)
		put_processor(a, i);
	end_package(a, scope);
	return end_table(a, start);
}

static uint64_t madt(struct area *a, unsigned vcpus, unsigned maxvcpus)
{
	uint32_t start = begin_table(a, "APIC", 5);

	put(a, LAPIC, 4);
	put(a, 0, 4); /* no PIC */
	for (unsigned i = 0; i < maxvcpus; i++)
		put_apic(a, i, i < vcpus ? 1 : 2); /* enabled; online capable */
	return end_table(a, start);
}

static void set_port(struct area *a, uint32_t at, uint16_t port)
{
	set(a, at, ADDRESS_SPACE_IO | 8 << 8 | ACCESS_BYTE << 24, 4);
	set(a, at + 4, port, 8);
}

static uint64_t fadt(struct area *a, uint64_t dsdt_gpa)
{
	uint32_t start = begin_table(a, "FACP", 6);

	a->used = start + 276;
	set(a, start + 40, dsdt_gpa, 4);
	set(a, start + 109, 1 << 2 | 1 << 5, 2); /* no VGA, no CMOS clock */
	/* WBINVD, C1, no fixed power or sleep button, reset register, headless, hardware reduced */
	set(a, start + 112, 1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 10 | 1 << 12 | 1 << 20, 4);
	set_port(a, start + 116, BOOT_ACPI_RESET_PORT);
	set(a, start + 128, BOOT_ACPI_RESET_VALUE, 1);
	set(a, start + 131, 3, 1); /* revision 6.3 */
	set(a, start + 140, dsdt_gpa, 8);
	set_port(a, start + 244, BOOT_ACPI_SLEEP_PORT);
	set_port(a, start + 256, BOOT_ACPI_SLEEP_STATUS_PORT);
	return end_table(a, start);
}

static uint64_t xsdt(struct area *a, uint64_t fadt_gpa, uint64_t madt_gpa)
{
	uint32_t start = begin_table(a, "XSDT", 1);

	put(a, fadt_gpa, 8);
	put(a, madt_gpa, 8);
	return end_table(a, start);
}

static void rsdp(uint8_t *to, uint64_t xsdt_gpa)
{
	struct area a = {to, 0};

	put_text(&a, "RSD PTR ", 8);
	put(&a, 0, 1);
	put_text(&a, "LIBPV ", 6);
	put(&a, 2, 1); /* revision */
	put(&a, 0, 4); /* no RSDT */
	put(&a, BOOT_ACPI_RSDP_SIZE, 4);
	put(&a, xsdt_gpa, 8);
	put(&a, 0, 4);
	set_sum(&a, 0, 20, 8);
	set_sum(&a, 0, BOOT_ACPI_RSDP_SIZE, 32);
}

uint32_t boot_acpi(void *to, unsigned vcpus, unsigned maxvcpus)
{
	struct area a = {to, BOOT_ACPI_RSDP_SIZE};
	uint64_t fadt_gpa = fadt(&a, dsdt(&a, maxvcpus));
	uint64_t madt_gpa = madt(&a, vcpus, maxvcpus);

	rsdp(to, xsdt(&a, fadt_gpa, madt_gpa));
	return a.used;
}
