/*
 * Unit tests of refhv/migrate: a made-up domain goes through a socket and comes out the same; whatever is cut off, damaged or refused on
 * the way leaves an error and no half domain.
 */
#include <migrate/memory.h>
#include <migrate/migrate.h>
#include <pthread.h>
#include <pv/abi/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "run.h"

#define PAGES 300u
#define RAM   (PAGES * 4096u)
#define VCPUS 2u

struct source {
	struct migrate_source s;
	unsigned collects, started, ended;
	struct image image;
	uint32_t *ram;
};

static int dirty_start(void *ctx)
{
	((struct source *)ctx)->started++;
	return 0;
}

/* The "guest" writes a page between the passes, fewer each time, and one while it is stopped last. */
static int dirty_collect(void *ctx, uint64_t *bitmap)
{
	struct source *s = ctx;
	unsigned i, n = s->collects == 0 ? 200 : s->collects == 1 ? 100 : 3;

	s->collects++;
	for (i = 0; i < n; i++) {
		s->ram[i * 1024] += 0x1000;
		bitmap[i / 64] |= 1ull << (i % 64);
	}
	return 0;
}

static void dirty_stop(void *ctx)
{
	((struct source *)ctx)->ended++;
}

static void take_image(struct image *im)
{
	struct image_device *d;
	unsigned i;

	ck_assert_int_eq(image_alloc(im, VCPUS), 0);
	im->guest_ns = 123456789;
	im->state.domain.size = sizeof im->state.domain;
	im->state.domain.shared_info_gfn = 7;
	for (i = 0; i < VCPUS; i++) {
		im->state.vcpu[i].size = sizeof im->state.vcpu[i];
		im->state.vcpu[i].id = i;
		im->vcpu[i].size = sizeof im->vcpu[i];
		im->vcpu[i].flags = ENGINE_VCPU_UP | ENGINE_VCPU_XSAVE;
		im->vcpu[i].ctxt.user_regs.rip = 0x10001000 + i;
		im->vcpu[i].event_flags[2] = 5;
		im->vcpu[i].xsave_size = 832;
		memset(im->vcpu[i].xsave, (int)(0x40 + i), 832);
	}
	im->state.nr_ports = 3;
	for (i = 0; i < 3; i++) {
		im->state.port[i].size = sizeof im->state.port[i];
		im->state.port[i].port = i + 1;
	}
	im->state.nr_maps = 0;
	im->mapping[0] = (struct engine_mapping){0x10000000, 0x5003};
	im->nmappings = 1;
	im->absent_size = 16;
	im->absent = calloc(2, 8);
	im->absent[1] = 0x80;
	ck_assert_int_eq(image_store_sink(im, "a tree", 6), 0);
	ck_assert_int_eq(image_store_sink(im, " of values", 10), 0);
	d = image_device_add(im, PV_STREAM_DEVICE_VBD, 51712);
	d->size = 5;
	memcpy(d->state, "state", 5);
}

static void source_init(struct source *s)
{
	unsigned i;
	int fd = memfd_create("ram", MFD_CLOEXEC);

	memset(s, 0, sizeof *s);
	ck_assert_int_eq(ftruncate(fd, RAM), 0);
	s->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(s->ram, MAP_FAILED);
	/* Every third page stays a hole, every third holds only zeros. */
	for (i = 0; i < PAGES; i++)
		if (i % 3)
			s->ram[i * 1024 + 5] = i % 3 == 1 ? i : 0;
	s->s = (struct migrate_source){.ctx = s,
				       .config = "{\"name\":\"x\"}",
				       .machine = {sizeof(struct image_machine), VCPUS, RAM},
				       .ram_fd = fd,
				       .ram = s->ram,
				       .ram_size = RAM,
				       .dirty_start = dirty_start,
				       .dirty_collect = dirty_collect,
				       .dirty_stop = dirty_stop};
	take_image(&s->image);
}

static void source_free(struct source *s)
{
	image_free(&s->image);
	munmap(s->ram, RAM);
	close(s->s.ram_fd);
}

static void check_image(const struct image *im)
{
	const struct image_device *d = image_device_find(im, PV_STREAM_DEVICE_VBD, 51712);

	ck_assert_uint_eq(im->machine.vcpus, VCPUS);
	ck_assert_uint_eq(im->guest_ns, 123456789);
	ck_assert_uint_eq(im->state.domain.shared_info_gfn, 7);
	ck_assert_uint_eq(im->vcpu[1].ctxt.user_regs.rip, 0x10001001);
	ck_assert_uint_eq(im->vcpu[1].event_flags[2], 5);
	ck_assert_uint_eq(im->vcpu[1].xsave_size, 832);
	ck_assert_uint_eq(im->vcpu[1].xsave[831], 0x41);
	ck_assert_uint_eq(im->state.nr_ports, 3);
	ck_assert_uint_eq(im->state.port[2].port, 3);
	ck_assert_uint_eq(im->nmappings, 1);
	ck_assert_uint_eq(im->absent_size, 16);
	ck_assert_uint_eq(im->absent[1], 0x80);
	ck_assert_uint_eq(im->mapping[0].pte, 0x5003);
	ck_assert_uint_eq(im->store_size, 16);
	ck_assert_mem_eq(im->store, "a tree of values", 16);
	ck_assert_ptr_ne(d, NULL);
	ck_assert_mem_eq(d->state, "state", 5);
	ck_assert_ptr_eq(image_device_find(im, PV_STREAM_DEVICE_VIF, 51712), NULL);
}

/* The receiver of a move, on a thread. */
struct receiver {
	pthread_t thread;
	int fd;
	const char *refuse; /* said in place of "ready" */
	unsigned vanish;    /* 1: close before "holding" */
	uint8_t *ram;
	struct image im;
	int rc, went;
};

static void *receive(void *arg)
{
	struct receiver *r = arg;
	struct wire w;
	char *config, line[256];

	wire_init(&w, r->fd);
	r->rc = migrate_open(&w, &config);
	if (r->rc < 0)
		return NULL;
	ck_assert_str_eq(config, "{\"name\":\"x\"}");
	free(config);
	wire_say(&w, r->refuse ? r->refuse : "ready");
	if (r->refuse)
		return NULL;
	r->rc = migrate_machine(&w, &r->im);
	ck_assert_int_eq(r->rc, 0);
	r->rc = migrate_receive(&w, r->ram, RAM, &r->im);
	if (r->rc < 0 || r->vanish) {
		close(r->fd);
		return NULL;
	}
	wire_say(&w, "holding");
	r->went = wire_hear(&w, line) == 0 && strcmp(line, "go") == 0;
	return NULL;
}

static void receiver_start(struct receiver *r, int fd)
{
	r->fd = fd;
	r->ram = calloc(PAGES, 4096);
	pthread_create(&r->thread, NULL, receive, r);
}

START_TEST(a_move_brings_over_memory_written_meanwhile_and_every_record)
{
	struct receiver r = {0};
	struct migrate_stats st = {0};
	struct migrate_options o = {0};
	struct source s;
	struct wire w;
	uint64_t bitmap[(PAGES + 63) / 64] = {0};
	int sv[2];

	source_init(&s);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	receiver_start(&r, sv[1]);
	wire_init(&w, sv[0]);
	ck_assert_int_eq(migrate_precopy(&s.s, &w, &o, bitmap, &st), 0);
	ck_assert_int_eq(migrate_handover(&s.s, &w, &s.image, &o, bitmap, &st), 0);
	pthread_join(r.thread, NULL);
	ck_assert_int_eq(r.rc, 0);
	ck_assert_int_eq(r.went, 1);
	ck_assert_mem_eq(r.ram, s.ram, RAM);
	check_image(&r.im);
	ck_assert_uint_eq(s.started, 1);
	ck_assert_uint_eq(s.ended, 1);
	ck_assert_uint_ge(st.last_pages, 3);
	image_free(&r.im);
	free(r.ram);
	source_free(&s);
	close(sv[0]);
	close(sv[1]);
}
END_TEST

START_TEST(a_refusal_reaches_the_source_before_the_guest_stops)
{
	struct receiver r = {.refuse = "no disk /x: No such file"};
	struct migrate_stats st = {0};
	struct migrate_options o = {0};
	struct source s;
	struct wire w;
	uint64_t bitmap[(PAGES + 63) / 64] = {0};
	int sv[2];

	source_init(&s);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	receiver_start(&r, sv[1]);
	wire_init(&w, sv[0]);
	ck_assert_int_eq(migrate_precopy(&s.s, &w, &o, bitmap, &st), -PV_ECONNREFUSED);
	ck_assert_str_eq(w.err, "the receiver says: disk /x: No such file");
	ck_assert_uint_eq(s.started, 0);
	pthread_join(r.thread, NULL);
	free(r.ram);
	source_free(&s);
	close(sv[0]);
	close(sv[1]);
}
END_TEST

START_TEST(a_receiver_that_vanishes_leaves_the_domain_with_the_source)
{
	struct receiver r = {.vanish = 1};
	struct migrate_stats st = {0};
	struct migrate_options o = {0};
	struct source s;
	struct wire w;
	uint64_t bitmap[(PAGES + 63) / 64] = {0};
	int sv[2];

	source_init(&s);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	receiver_start(&r, sv[1]);
	wire_init(&w, sv[0]);
	ck_assert_int_eq(migrate_precopy(&s.s, &w, &o, bitmap, &st), 0);
	ck_assert_int_lt(migrate_handover(&s.s, &w, &s.image, &o, bitmap, &st), 0);
	ck_assert_uint_eq(s.ended, 1);
	pthread_join(r.thread, NULL);
	ck_assert_int_eq(r.went, 0);
	image_free(&r.im);
	free(r.ram);
	source_free(&s);
	close(sv[0]);
}
END_TEST

/* A saved domain in memory. */
static uint8_t *saved(size_t *size)
{
	int fd = memfd_create("saved", MFD_CLOEXEC);
	struct migrate_stats st = {0};
	struct source s;
	struct wire w;
	uint8_t *p;

	source_init(&s);
	wire_init(&w, fd);
	ck_assert_int_eq(migrate_save(&s.s, &w, &s.image, &st), 0);
	source_free(&s);
	*size = (size_t)lseek(fd, 0, SEEK_END);
	p = malloc(*size);
	ck_assert_int_eq(pread(fd, p, *size, 0), (ssize_t)*size);
	close(fd);
	return p;
}

static int load(const uint8_t *bytes, size_t size, struct image *im, uint8_t *ram)
{
	int fd = memfd_create("load", MFD_CLOEXEC), rc;
	struct wire w;
	char *config = NULL;

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	wire_init(&w, fd);
	rc = migrate_open(&w, &config);
	if (rc == 0)
		rc = migrate_machine(&w, im);
	if (rc == 0)
		rc = migrate_receive(&w, ram, RAM, im);
	if (rc < 0)
		ck_assert_int_ne(w.err[0], 0);
	free(config);
	close(fd);
	return rc;
}

START_TEST(a_file_comes_back_whole)
{
	struct image im = {0};
	size_t size;
	uint8_t *bytes = saved(&size), *ram = calloc(PAGES, 4096);

	ck_assert_int_eq(load(bytes, size, &im, ram), 0);
	check_image(&im);
	ck_assert_uint_eq(ram[4096 * 4 + 20], 4);
	image_free(&im);
	free(ram);
	free(bytes);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
	size_t size, cut;
	uint8_t *bytes = saved(&size), *ram = calloc(PAGES, 4096);

	for (cut = 0; cut < size; cut += cut < 400 || size - cut < 400 ? 1 : 1 + size / 300) {
		struct image im = {0};

		ck_assert_int_lt(load(bytes, cut, &im, ram), 0);
		image_free(&im);
	}
	free(ram);
	free(bytes);
}
END_TEST

START_TEST(a_page_beyond_memory_is_refused)
{
	struct image im = {0};
	size_t size;
	uint8_t *bytes = saved(&size), *ram = calloc(PAGES, 4096);
	size_t at = PV_STREAM_HEADERS_SIZE + 8 + 16 + 8 + sizeof(struct image_machine) +
		    8; /* the first PAGE_DATA record */
	uint64_t pfn = PAGES;

	ck_assert_uint_eq(bytes[at], PV_STREAM_REC_PAGE_DATA);
	memcpy(bytes + at + 16, &pfn, 8);
	ck_assert_int_eq(load(bytes, size, &im, ram), -PV_EBADMSG);
	image_free(&im);
	free(ram);
	free(bytes);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("streams");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_move_brings_over_memory_written_meanwhile_and_every_record);
	tcase_add_test(t, a_refusal_reaches_the_source_before_the_guest_stops);
	tcase_add_test(t, a_receiver_that_vanishes_leaves_the_domain_with_the_source);
	tcase_add_test(t, a_file_comes_back_whole);
	tcase_add_test(t, a_file_cut_anywhere_is_refused);
	tcase_add_test(t, a_page_beyond_memory_is_refused);
	return run_case("migrate", t);
}
