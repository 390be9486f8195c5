/*
 * calls.c: hypercalls
 */
#include <cpuid.h>
#include "guest.h"

/* Every register but rax survives a hypercall. */
static bool registers_survive(uint64_t nr)
{
	uint64_t bad;

	__asm__ volatile(
		"mov $101, %%rdi; mov $102, %%rsi; mov $103, %%rdx; mov $104, %%r10\n"
		"mov $105, %%r8; mov $106, %%r9; mov $107, %%rcx; mov $108, %%r11\n"
		"mov $109, %%r12; mov $110, %%r13; mov $111, %%r14; mov $112, %%r15\n"
		"call *%1\n"
		"xor %0, %0\n"
		"cmp $101, %%rdi; setne %b0; cmp $102, %%rsi; jne 1f; cmp $103, %%rdx; jne 1f\n"
		"cmp $104, %%r10; jne 1f; cmp $105, %%r8; jne 1f; cmp $106, %%r9; jne 1f\n"
		"cmp $107, %%rcx; jne 1f; cmp $108, %%r11; jne 1f; cmp $109, %%r12; jne 1f\n"
		"cmp $110, %%r13; jne 1f; cmp $111, %%r14; jne 1f; cmp $112, %%r15; jne 1f\n"
		"jmp 2f\n1: mov $1, %0\n2:\n"
		: "=&a"(bad)
		: "b"(VB + HCPAGE_GPA + 32 * nr)
		: "rdi", "rsi", "rdx", "r10", "r8", "r9", "rcx", "r11", "r12", "r13", "r14", "r15",
		  "memory", "cc");
	return !bad;
}

static void echo(void)
{
	static const char line[] = "hello from ring 3\n";

	expect(hypercall(TEST_ECHO, 1, 2, 3, 4, 5) == 1 + 6 + 15 + 28 + 55);
	expect(registers_survive(TEST_ECHO));
	expect(registers_survive(PV_HYPERVISOR_xen_version));
	for (uint64_t i = 0; i < 2000; i++)
		expect(HC1(TEST_ECHO, i) == (int64_t)i);
	HC3(PV_HYPERVISOR_console_io, 0, sizeof(line) - 1, line);
	/* A slow answer is an answer too. */
	for (uint64_t i = 0; i < 20; i++)
		expect(HC1(TEST_SLEEP, 500) == 500);
}

static void in_stub(void)
{
	struct pv_feature_info fi = {.submap_idx = 0};

	expect(HC2(PV_HYPERVISOR_xen_version, PV_XENVER_version, 0) == (4 << 16 | 17));
	expect(HC2(PV_HYPERVISOR_xen_version, PV_XENVER_get_features, &fi) == 0 &&
	       fi.submap == 0x1234);
	fi.submap_idx = 4;
	expect(HC2(PV_HYPERVISOR_xen_version, PV_XENVER_get_features, &fi) == -PV_EINVAL);
	expect(HC2(PV_HYPERVISOR_xen_version, PV_XENVER_get_features, 8) == -PV_EFAULT);
	expect(HC2(PV_HYPERVISOR_stack_switch, PV_FLAT_KERNEL_SS, VB + 0x5000) == 0);
	expect(HC2(PV_HYPERVISOR_set_debugreg, 3, 0x1000) == 0);
	expect(HC1(PV_HYPERVISOR_get_debugreg, 3) == 0x1000);
	expect(HC2(PV_HYPERVISOR_set_debugreg, 8, 0) == -PV_EINVAL);
	expect(HC1(PV_HYPERVISOR_fpu_taskswitch, 0) == 0);
	expect(HC1(PV_HYPERVISOR_fpu_taskswitch, 1) == -PV_EOPNOTSUPP);
	expect(HC1(PV_HYPERVISOR_set_trap_table, 8) == -PV_EFAULT);
	expect(HC1(PV_HYPERVISOR_set_trap_table, 0) == 0);
	expect(HC2(PV_HYPERVISOR_callback_op, 77, 0) == -PV_ENOSYS);
	expect(HC3(PV_HYPERVISOR_set_callbacks, 1ull << 63, 0, 0) == -PV_EINVAL);
	expect(HC1(PV_HYPERVISOR_sched_op, PV_SCHEDOP_yield) == 0);
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, 8) == -PV_EFAULT);
	expect(HC3(PV_HYPERVISOR_update_va_mapping, VB, 0, 0) == -PV_ENOSYS);
}

static void raw_syscall(void)
{
	/* 24, 10 and 1 are also system calls that the stub may make. */
	expect(raw(TEST_ECHO, 1, 2, 3, 4, 5, 6) == 1 + 6 + 15 + 28 + 55 + 78);
	expect(raw(PV_HYPERVISOR_xen_version, PV_XENVER_version, 0, 0, 0, 0, 0) == (4 << 16 | 17));
	expect(raw(PV_HYPERVISOR_get_debugreg, 0, 0, 0, 0, 0, 0) == 0);
	expect(raw(PV_HYPERVISOR_vcpu_op, 12345, 0, 0, 0, 0, 0) == -PV_ENOSYS);
	expect(raw(PV_HYPERVISOR_set_timer_op, 0, 0, 0, 0, 0, 0) == -PV_ENOSYS);
	expect(raw(0x40000000u + TEST_ECHO, 0, 0, 0, 0, 0, 0) == -PV_ENOSYS);
}

static void multicall(void)
{
	struct pv_multicall_entry call[4] = {
		{.op = TEST_ECHO, .args = {1, 1, 1, 1, 1, 1}},
		{.op = PV_HYPERVISOR_xen_version, .args = {PV_XENVER_version}},
		{.op = PV_HYPERVISOR_multicall},
		{.op = PV_HYPERVISOR_iret},
	};

	expect(HC2(PV_HYPERVISOR_multicall, call, 4) == 0);
	expect(call[0].result == 40);
	expect(call[1].result == (4 << 16 | 17));
	expect((int64_t)call[2].result == -PV_EINVAL && (int64_t)call[3].result == -PV_EINVAL);
	expect(HC2(PV_HYPERVISOR_multicall, 8, 1) == -PV_EFAULT);
}

static void segment_bases(void)
{
	static uint64_t cell[2] = {111, 222};
	uint64_t fs, gs;

	expect(HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_FS, &cell[0]) == 0);
	expect(HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_GS_KERNEL, &cell[1]) == 0);
	expect(HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_GS_USER, 5) == 0);
	expect(HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_FS, 1ull << 63) == -PV_EINVAL);
	__asm__ volatile("mov %%fs:0, %0; mov %%gs:0, %1" : "=r"(fs), "=r"(gs));
	expect(fs == 111 && gs == 222);
	HC1(TEST_SLEEP, 100);
	__asm__ volatile("mov %%fs:0, %0; mov %%gs:0, %1" : "=r"(fs), "=r"(gs));
	expect(fs == 111 && gs == 222);
}

static void cpuid(void)
{
	uint32_t a = 0x40000000, b, c = 0, d, x, y, z, w;

	__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
			 : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	expect(a == 0x40000001 && b == 0x566e6558 && c == 0x65584d4d && d == 0x4d4d566e);
	a = 0;
	c = 0;
	__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
			 : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	__cpuid(0, x, y, z, w);
	expect(a == x && b == y && c == z && d == w);
}

static void privileged(void)
{
	uint64_t cr;
	uint32_t lo, hi;
	uint8_t in;

	__asm__ volatile("cli; sti; nop");
	__asm__ volatile("outb %%al, $0x80" ::"a"(1));
	__asm__ volatile("inb $0x80, %%al" : "=a"(in));
	expect(in == 0xff);
	__asm__ volatile("inl %%dx, %%eax" : "=a"(lo) : "d"(0xcf8));
	expect(lo == 0xffffffff);
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr));
	expect(cr & 0x80000001);
	__asm__ volatile("mov %%cr4, %%r9; mov %%r9, %0" : "=r"(cr)::"r9");
	expect(cr & 0x20);
	__asm__ volatile("clts");
	HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_FS, 0x123000);
	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(0xc0000100));
	expect(lo == 0x123000 && hi == 0);
	__asm__ volatile("wrmsr" ::"a"(0x456000), "d"(0), "c"(0xc0000100));
	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(0xc0000100));
	expect(lo == 0x456000 && hi == 0);
}

void tasks_calls(unsigned task)
{
	switch (task) {
	case TASK_ECHO: echo(); break;
	case TASK_IN_STUB: in_stub(); break;
	case TASK_RAW_SYSCALL: raw_syscall(); break;
	case TASK_MULTICALL: multicall(); break;
	case TASK_SEGMENT_BASES: segment_bases(); break;
	case TASK_CPUID: cpuid(); break;
	case TASK_PRIVILEGED: privileged(); break;
	default: return;
	}
	done(0);
}
