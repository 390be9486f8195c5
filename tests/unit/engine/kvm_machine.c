/*
 * kvm_machine.c: see kvm_machine.h
 */
#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include "kvm_machine.h"
#include "refhv/engine/kvm/kvm_probe.h"

#define WAIT_NS 30000000000ull

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

const char *km_missing(void)
{
	static char why[200];
	int fd = kvm_open(why, sizeof(why)), ret;

	if (fd < 0)
		return why;
	ret = kvm_check(fd, why, sizeof(why));
	close(fd);
	return ret ? why : NULL;
}

volatile struct test_mailbox *km_mailbox(struct km *m)
{
	return (volatile struct test_mailbox *)(m->ram + TEST_MAILBOX);
}

static void send_event(struct km *m, unsigned vcpu)
{
	struct pv_vcpu_info *vi = (struct pv_vcpu_info *)(m->ram + TEST_INFO + vcpu * 64);

	if (!__atomic_exchange_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		engine_kvm.kick(m->e, vcpu, PV_KICK_UPCALL | PV_KICK_EVENT);
}

static int start_at(struct km *m, unsigned vcpu, const uint64_t arg[6])
{
	struct pv_vcpu_hvm_context c = {
		.mode = PV_VCPU_HVM_MODE_64B,
		.cpu_regs.x86_64 = {.rip = arg[1],
				    .rdi = vcpu,
				    .cr0 = 0x80010033,
				    .cr3 = arg[2],
				    .cr4 = 0x620,
				    .efer = 0x501},
	};

	if (!arg[1])
		c.mode = 2;
	return engine_kvm.vcpu_start_set(m->e, vcpu, &c);
}

static int64_t print(struct km *m, unsigned vcpu, uint64_t gva, uint64_t len)
{
	uint64_t gpa;

	if (engine_kvm.gva_to_gpa(m->e, vcpu, gva, 0, &gpa))
		return -PV_EFAULT;
	pthread_mutex_lock(&m->lock);
	strncat(m->console, m->ram + gpa, len < 100 ? len : 100);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int64_t event_channel_op(struct km *m, unsigned vcpu, uint64_t cmd, uint64_t gva)
{
	uint32_t port;
	uint64_t gpa;

	if (cmd != PV_EVTCHNOP_send)
		return 1000 + (int64_t)cmd;
	if (engine_kvm.gva_to_gpa(m->e, vcpu, gva, 0, &gpa))
		return -PV_EFAULT;
	memcpy(&port, m->ram + gpa, sizeof(port));
	if (port > 6)
		return -PV_EINVAL;
	__atomic_add_fetch(&m->sends, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void finish(struct km *m, uint64_t verdict, uint64_t detail)
{
	pthread_mutex_lock(&m->lock);
	if (!m->done) {
		m->done = true;
		m->verdict = verdict;
		m->report[0] = detail;
	}
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	engine_kvm.stop(m->e);
}

static int64_t on_hypercall(void *ctx, unsigned vcpu, uint64_t nr, const uint64_t arg[6])
{
	struct km *m = ctx;
	unsigned other = (unsigned)arg[0] % ENGINE_MAX_VCPUS;
	uint64_t now = now_ns() - m->start_ns;

	switch (nr) {
	case CALL_DONE: finish(m, arg[0], arg[1]); return 0;
	case CALL_REPORT: m->report[arg[0] % TEST_KEYS] += arg[1]; return 0;
	case CALL_ECHO:
		return (int64_t)(arg[0] + 3 * arg[1] + 5 * arg[2] + 7 * arg[3] + 11 * arg[4] +
				 13 * arg[5]);
	case CALL_PRINT: return print(m, vcpu, arg[0], arg[1]);
	case CALL_SEND: send_event(m, other); return 0;
	case CALL_TIMER: engine_kvm.timer_set(m->e, vcpu, now + arg[0]); return 0;
	case CALL_BLOCK: engine_kvm.block(m->e, vcpu, arg[0] ? now + arg[0] : 0); return 0;
	case CALL_KICK: engine_kvm.kick(m->e, other, PV_KICK_EVENT); return 0;
	case CALL_FRAME: return engine_kvm.frame_set(m->e, arg[0], arg[1]);
	case CALL_OVERLAY: return engine_kvm.overlay_set(m->e, arg[0], arg[1], 0);
	case CALL_DOWN:
		engine_kvm.vcpu_down(m->e, other);
		__atomic_add_fetch(&m->asked_down, 1, __ATOMIC_SEQ_CST);
		return 0;
	case CALL_TOLD_DOWN: return __atomic_load_n(&m->downs, __ATOMIC_SEQ_CST);
	case CALL_DOWNS: return __atomic_load_n(&m->asked_down, __ATOMIC_SEQ_CST);
	case CALL_UP: return engine_kvm.vcpu_up(m->e, other);
	case CALL_START: return start_at(m, other, arg);
	case CALL_VECTOR: engine_kvm.upcall_vector_set(m->e, other, (uint8_t)arg[1]); return 0;
	case CALL_CALLBACK: engine_kvm.callback_set(m->e, (uint8_t)arg[0]); return 0;
	case CALL_NMI: return engine_kvm.nmi(m->e, (unsigned)arg[0]);
	case CALL_FLUSH: return engine_kvm.tlb_flush(m->e, vcpu);
	case CALL_NOW: return (int64_t)now;
	case PV_HYPERVISOR_event_channel_op: return event_channel_op(m, vcpu, arg[0], arg[1]);
	default: return -PV_ENOSYS;
	}
}

static int64_t on_hypercall32(void *ctx, unsigned vcpu, uint32_t nr, const uint32_t arg32[6])
{
	uint64_t arg[6];

	for (int i = 0; i < 6; i++)
		arg[i] = nr == CALL_ECHO ? (uint64_t)(int32_t)arg32[i] : arg32[i];
	return on_hypercall(ctx, vcpu, nr, arg);
}

static void on_changed(void *ctx, unsigned vcpu, bool up)
{
	struct km *m = ctx;

	pthread_mutex_lock(&m->lock);
	m->ups += up;
	m->downs += !up;
	pthread_mutex_unlock(&m->lock);
}

static void on_ended(void *ctx, unsigned reason)
{
	struct km *m = ctx;

	pthread_mutex_lock(&m->lock);
	m->ended = true;
	m->end_reason = reason;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static void on_debug_write(void *ctx, const char *buf, uint32_t n)
{
	struct km *m = ctx;

	pthread_mutex_lock(&m->lock);
	strncat(m->console, buf, n);
	pthread_mutex_unlock(&m->lock);
}

static void on_timer(void *ctx, unsigned vcpu)
{
	struct km *m = ctx;

	m->timers++;
	send_event(m, vcpu);
}

static void on_died(void *ctx, const char *why)
{
	struct km *m = ctx;

	pthread_mutex_lock(&m->lock);
	m->dead = true;
	snprintf(m->why, sizeof(m->why), "%s", why);
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static const struct engine_client client = {
	.hypercall = on_hypercall,
	.hypercall32 = on_hypercall32,
	.vcpu_changed = on_changed,
	.ended = on_ended,
	.debug_write = on_debug_write,
	.timer = on_timer,
	.died = on_died,
};

/* Both guests lie beside this program. */
static const char *guest_path(bool bits_32)
{
	static char path[600];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 40);

	ck_assert_int_gt(n, 0);
	path[n] = 0;
	strcpy(strrchr(path, '/') + 1, bits_32 ? "kvm-test-guest-32" : "kvm-test-guest-64");
	return path;
}

/* Returns where it begins; fills in what it spans. */
static uint64_t load(struct km *m, bool bits_32, uint64_t *start, uint64_t *end)
{
	int fd = open(guest_path(bits_32), O_RDONLY | O_CLOEXEC);
	uint64_t entry;
	struct stat st;
	char *image;

	ck_assert_msg(fd >= 0 && !fstat(fd, &st), "no test guest");
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert(image != MAP_FAILED);
	*start = UINT64_MAX;
	*end = 0;
	for (unsigned i = 0;; i++) {
		const Elf64_Ehdr *h64 = (const void *)image;
		const Elf32_Ehdr *h32 = (const void *)image;
		const Elf64_Phdr *p64 = (const void *)(image + h64->e_phoff);
		const Elf32_Phdr *p32 = (const void *)(image + h32->e_phoff);
		uint64_t to = bits_32 ? p32[i].p_paddr : p64[i].p_paddr;
		uint64_t from = bits_32 ? p32[i].p_offset : p64[i].p_offset;
		uint64_t size = bits_32 ? p32[i].p_filesz : p64[i].p_filesz;

		entry = bits_32 ? h32->e_entry : h64->e_entry;
		if (i == (bits_32 ? h32->e_phnum : h64->e_phnum))
			break;
		if ((bits_32 ? p32[i].p_type : p64[i].p_type) != PT_LOAD)
			continue;
		memcpy(m->ram + to, image + from, size);
		*start = to < *start ? to : *start;
		*end = to + size > *end ? to + size : *end;
	}
	munmap(image, (size_t)st.st_size);
	close(fd);
	return entry;
}

static void init(struct km *m, unsigned vcpus)
{
	pthread_condattr_t attr;

	memset(m, 0, sizeof(*m));
	m->vcpus = vcpus ? vcpus : 1;
	m->start_ns = now_ns();
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attr);
}

void km_start(struct km *m, struct km_config c)
{
	char why[200] = "";
	uint64_t start, end, entry;
	void *ram;

	init(m, c.vcpus);
	ck_assert_int_eq(engine_ram_create(TEST_SPAN, 0, &m->ram_fd, &ram), 0);
	m->ram = ram;
	m->kvm_fd = kvm_open(why, sizeof(why));

	struct engine_config config = {
		.max_vcpus = m->vcpus,
		.ram_fd = m->ram_fd,
		.ram = ram,
		.ram_size = TEST_SPAN,
		.region = {{0, TEST_RAM}},
		.nregions = 1,
		.xen_version = 4 << 16 | 17,
		.clock_offset = -(int64_t)m->start_ns,
		.kvm_fd = m->kvm_fd,
		.domid = 7,
		.trap = c.trap,
		.client = &client,
		.client_ctx = m,
	};

	ck_assert_msg(!engine_kvm.create(&m->e, &config, why, sizeof(why)), "%s", why);
	for (unsigned i = 0; i < m->vcpus; i++)
		ck_assert_int_eq(engine_kvm.vcpu_info_set(m->e, i, TEST_INFO + i * 64), 0);
	entry = load(m, c.bits_32, &start, &end);
	if (!c.not_loaded)
		ck_assert_msg(!engine_kvm.image_loaded(m->e, start, end, why, sizeof(why)), "%s",
			      why);
	km_mailbox(m)->task = c.task;
	km_mailbox(m)->vcpus = m->vcpus;
	km_mailbox(m)->direct = c.direct;

	struct pv_vcpu_hvm_context context = {
		.mode = PV_VCPU_HVM_MODE_32B,
		.cpu_regs.x86_32 = {.eip = (uint32_t)entry,
				    .cr0 = 1,
				    .cs_limit = ~0u,
				    .ds_limit = ~0u,
				    .ss_limit = ~0u,
				    .es_limit = ~0u,
				    .tr_limit = 0x67,
				    .cs_ar = 0xc9b,
				    .ds_ar = 0xc93,
				    .ss_ar = 0xc93,
				    .es_ar = 0xc93,
				    .tr_ar = 0x8b},
	};

	ck_assert_int_eq(engine_kvm.vcpu_start_set(m->e, 0, &context), 0);
	ck_assert_msg(!engine_kvm.wait(m->e, 1000, why, sizeof(why)), "%s", why);
	ck_assert_int_eq(engine_kvm.vcpu_up(m->e, 0), 0);
	if (!c.held)
		ck_assert_int_eq(engine_kvm.resume(m->e), 0);
}

void km_stop(struct km *m)
{
	engine_kvm.destroy(m->e);
	munmap(m->ram, TEST_SPAN);
	close(m->ram_fd);
	close(m->kvm_fd);
}

void km_wait(struct km *m)
{
	uint64_t deadline = now_ns() + WAIT_NS;
	struct timespec ts = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
	bool late = false;

	pthread_mutex_lock(&m->lock);
	while (!m->done && !m->dead && !m->ended && !late)
		late = pthread_cond_timedwait(&m->changed, &m->lock, &ts);
	pthread_mutex_unlock(&m->lock);
	ck_assert_msg(!late, "the guest does not come to an end");
}

void km_run(struct km_config c)
{
	struct km m;

	km_start(&m, c);
	km_wait(&m);
	ck_assert_msg(!m.dead, "the guest died: %s", m.why);
	ck_assert_msg(m.done, "the guest ended (%u)", m.end_reason);
	ck_assert_msg(!m.verdict, "the guest says: line %llu (%#llx)",
		      (unsigned long long)m.verdict, (unsigned long long)m.report[0]);
	km_stop(&m);
}

uint64_t km_exits(struct km *m, const char *kind)
{
	struct engine_info info;

	engine_kvm.info(m->e, &info);
	for (unsigned i = 0; i < info.nexits; i++)
		if (!strcmp(info.exits[i].kind, kind))
			return info.exits[i].count;
	ck_abort_msg("no exits of kind %s", kind);
	return 0;
}

const char *km_trap(struct km *m)
{
	struct engine_info info;

	engine_kvm.info(m->e, &info);
	return info.trap;
}
