/*
 * machine.c: see machine.h
 */
#include <elf.h>
#include <fcntl.h>
#include <pv/abi/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "machine.h"

static uint64_t entry;

/* Also used outside Check's runner, by the benchmark. */
#define need(cond, ...)                                                    \
	do {                                                               \
		if (!(cond)) {                                             \
			fprintf(stderr, "# " __VA_ARGS__);                 \
			fprintf(stderr, " (%s:%d)\n", __FILE__, __LINE__); \
			abort();                                           \
		}                                                          \
	} while (0)

uint64_t machine_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct pv_shared_info *machine_shared(struct machine *m)
{
	return (struct pv_shared_info *)(m->ram + SHARED_GPA);
}

void machine_send(struct machine *m, unsigned vcpu, unsigned port)
{
	struct pv_shared_info *si = machine_shared(m);
	struct pv_vcpu_info *vi = &si->vcpu_info[vcpu];

	__atomic_or_fetch(&si->evtchn_pending[port / 64], 1ull << port % 64, __ATOMIC_SEQ_CST);
	__atomic_or_fetch(&vi->evtchn_pending_sel, 1ull << port / 64, __ATOMIC_SEQ_CST);
	__atomic_store_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
	engine_user.kick(m->e, vcpu, PV_KICK_UPCALL | PV_KICK_EVENT);
}

/* Once, before a test may have given up the right to look into the build folder. */
static int guest_fd = -1;

static __attribute__((constructor)) void open_guest(void)
{
	guest_fd = open(TEST_GUEST, O_RDONLY | O_CLOEXEC);
}

static void load_guest(struct machine *m)
{
	int fd = guest_fd;
	struct stat st;
	char *image;

	need(fd >= 0, "no test guest");
	need(!fstat(fd, &st), "no test guest");
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	need(image != MAP_FAILED, "no test guest");

	const Elf64_Ehdr *eh = (const void *)image;
	const Elf64_Phdr *ph = (const void *)(image + eh->e_phoff);

	for (unsigned i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			memcpy(m->ram + ph[i].p_vaddr - VB, image + ph[i].p_offset, ph[i].p_filesz);
	entry = eh->e_entry;
	munmap(image, (size_t)st.st_size);
}

void machine_boot(struct machine *m, unsigned vcpu, enum task task)
{
	struct engine_vcpu_state *s = calloc(1, sizeof(*s));

	s->size = sizeof(*s);
	s->flags = ENGINE_VCPU_UP;
	s->ctxt.user_regs.rip = entry;
	s->ctxt.user_regs.rsp = VB + STACK_GPA + (vcpu + 1) * STACK_SIZE - 256;
	s->ctxt.user_regs.rdi = task;
	s->ctxt.user_regs.rsi = vcpu;
	need(!engine_user.vcpu_set(m->e, vcpu, s), "engine_user.vcpu_set");
	free(s);
}

static int64_t on_hypercall(void *ctx, unsigned vcpu, uint64_t nr, const uint64_t arg[6])
{
	struct machine *m = ctx;
	uint64_t gpa;
	int64_t ret = 0;

	/* The benchmark measures the way here, not a lock. */
	if (nr == TEST_ECHO)
		return (int64_t)(arg[0] + 3 * arg[1] + 5 * arg[2] + 7 * arg[3] + 11 * arg[4] +
				 13 * arg[5]);
	pthread_mutex_lock(&m->lock);
	switch (nr) {
	case TEST_DONE:
		m->done = true;
		m->verdict = arg[0];
		engine_user.stop(m->e);
		break;
	case TEST_REPORT:
		m->report[arg[0] % TEST_KEYS] = arg[1];
		m->reports++;
		break;
	case TEST_SEND:
		machine_send(m, (unsigned)arg[0] % m->vcpus, (unsigned)arg[1] % 4096);
		break;
	case TEST_BOOT: machine_boot(m, (unsigned)arg[0] % m->vcpus, (enum task)arg[1]); break;
	case TEST_SLEEP:
		pthread_mutex_unlock(&m->lock);
		usleep((useconds_t)arg[0] % 100000);
		return (int64_t)arg[0];
	case TEST_TIMER: engine_user.timer_set(m->e, vcpu, arg[0]); break;
	case TEST_NOW: ret = (int64_t)machine_now(); break;
	case TEST_DOWN: engine_user.vcpu_down(m->e, vcpu); break;
	case PV_HYPERVISOR_console_io:
		if (arg[1] < 200 && !engine_user.gva_to_gpa(m->e, vcpu, arg[2], 0, &gpa))
			strncat(m->console, m->ram + gpa, arg[1]);
		break;
	default: ret = m->unknown_is_marked ? (int64_t)(TEST_UNKNOWN + nr) : -PV_ENOSYS;
	}
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static void on_timer(void *ctx, unsigned vcpu)
{
	machine_send(ctx, vcpu, 1);
}

static void on_died(void *ctx, const char *why)
{
	struct machine *m = ctx;

	pthread_mutex_lock(&m->lock);
	m->dead = true;
	snprintf(m->why, sizeof(m->why), "%s", why);
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static const struct engine_client client = {
	.hypercall = on_hypercall, .timer = on_timer, .died = on_died};

void machine_attach(struct machine *m, struct machine_config c, int ram_fd, void *ram)
{
	char why[200] = "";
	struct engine_config config = {
		.max_vcpus = c.vcpus ? c.vcpus : 1,
		.ram_fd = ram_fd,
		.ram = ram,
		.ram_size = RAM_SIZE,
		.virt_base = VB,
		.paging = c.paging,
		.xen_version = 4 << 16 | 17,
		.features = {0x1234},
		.cpuid = {{0x40000001, 0x566e6558, 0x65584d4d, 0x4d4d566e}},
		.client = &client,
		.client_ctx = m,
	};
	pthread_condattr_t attr;

	memset(m, 0, sizeof(*m));
	m->ram_fd = ram_fd;
	m->ram = ram;
	m->vcpus = config.max_vcpus;
	m->unknown_is_marked = c.unknown_is_marked;
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attr);
	need(!engine_user.probe(why, sizeof(why)), "%s", why);
	need(!engine_user.create(&m->e, &config, why, sizeof(why)), "%s", why);
	for (unsigned i = 0; i < m->vcpus; i++) {
		need(!engine_user.vcpu_info_set(m->e, i,
						SHARED_GPA + i * sizeof(struct pv_vcpu_info)),
		     "engine_user.vcpu_info_set");
	}
	need(!engine_user.shared_info_set(m->e, SHARED_GPA), "engine_user.shared_info_set");
	engine_user.hypercall_page(m->e, m->ram + HCPAGE_GPA);
	need(!engine_user.wait(m->e, 10000, why, sizeof(why)), "%s", why);
}

void machine_start(struct machine *m, struct machine_config c)
{
	void *ram;
	int fd;

	need(!engine_ram_create(RAM_SIZE, 0, &fd, &ram), "engine_ram_create");
	machine_attach(m, c, fd, ram);
	for (unsigned i = 0; i < m->vcpus; i++)
		machine_shared(m)->vcpu_info[i].evtchn_upcall_mask = 1;
	load_guest(m);
	machine_boot(m, 0, c.task);
	if (!c.held)
		need(!engine_user.resume(m->e), "engine_user.resume");
}

void machine_stop(struct machine *m)
{
	engine_user.destroy(m->e);
	munmap(m->ram, RAM_SIZE);
	close(m->ram_fd);
}

/* Until something changes; false when the time is up. */
static bool wait_change(struct machine *m, uint64_t deadline)
{
	struct timespec ts = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};

	if (!pthread_cond_timedwait(&m->changed, &m->lock, &ts))
		return true;
	pthread_mutex_unlock(&m->lock);
	engine_user.watch(m->e);
	pthread_mutex_lock(&m->lock);
	return false;
}

bool machine_wait(struct machine *m, unsigned ms)
{
	uint64_t deadline = machine_now() + ms * 1000000ull;
	bool done;

	pthread_mutex_lock(&m->lock);
	while (!m->done && !m->dead && wait_change(m, deadline))
		;
	done = m->done;
	pthread_mutex_unlock(&m->lock);
	return done;
}

uint64_t machine_run(struct machine *m)
{
	bool done = machine_wait(m, 20000);

	need(!m->dead, "the guest died: %s", m->why);
	need(done, "the guest does not finish");
	return m->verdict;
}

void machine_wait_reports(struct machine *m, unsigned n)
{
	uint64_t deadline = machine_now() + 20000000000ull;

	pthread_mutex_lock(&m->lock);
	while (m->reports < n && !m->dead && wait_change(m, deadline))
		;
	need(!m->dead, "the guest died: %s", m->why);
	need(m->reports >= n, "the guest does not report");
	pthread_mutex_unlock(&m->lock);
}

void machine_wait_death(struct machine *m)
{
	uint64_t deadline = machine_now() + 20000000000ull;

	pthread_mutex_lock(&m->lock);
	while (!m->dead && !m->done && wait_change(m, deadline))
		;
	need(m->dead, "the guest lives on");
	pthread_mutex_unlock(&m->lock);
}
