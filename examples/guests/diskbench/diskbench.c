/*
 * diskbench: reads or writes its disk as fast as it can, and says how fast that was.
 *
 * The command line is a list of jobs, KIND:BYTES:DEPTH:MILLISECONDS, which run one after the other: reads (rand, seq: at random, in sequence) or
 * writes (randwrite, seqwrite) of BYTES (a multiple of 4096, 1 MiB at most), DEPTH of them (64 at most) at a time. One line for
 * each, then it powers off:
 *
 *	diskbench rand:4096:32:1000 requests 412345 ns 1000012345 waits 1234
 *
 * Trusts no data: the disk has to hold, in the first 8 bytes of each 4096, the offset of these bytes, which is what is written, too. Looked at
 * are the first and the last page of each read; one with other data ends the run.
 */
#include <kernel.h>
#include <pv/front/blk.h>

#define DEPTH_MAX  64u
#define BYTES_MAX  1048576u
#define MEMORY	   (32u << 20) /* of all buffers of a job */
#define BUDGET	   64
#define CONNECT_NS 10000000000ull
#define MS	   1000000ull

struct job {
	const char *text;
	unsigned len;
	bool random, write;
	uint64_t bytes, depth, ns;
};

struct io {
	struct pv_blkfront_req req;
	struct pv_blkfront_seg seg;
};

static struct pv_bus_device device;
static struct pv_blkfront front;
static struct io ios[DEPTH_MAX];
static struct job job;
static uint8_t *memory;
static uint64_t blocks, next, state = 88172645463325252ull, completed;
static uint32_t busy;
static bool ending;

static uint64_t number(const char **s)
{
	uint64_t n = 0;

	while (**s >= '0' && **s <= '9')
		n = n * 10 + (uint64_t)(*(*s)++ - '0');
	return n;
}

static uint64_t field(const char **s)
{
	if (**s != ':')
		panic("a job is KIND:BYTES:DEPTH:MILLISECONDS");
	++*s;
	return number(s);
}

/* Goes past the word if it is there. */
static bool begins(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n))
		return false;
	*s += n;
	return true;
}

/* The next job of the command line; false at its end. */
static bool parse(const char **s)
{
	while (**s == ' ')
		++*s;
	if (!**s)
		return false;
	job.text = *s;
	job.random = begins(s, "rand");
	if (!job.random && !begins(s, "seq"))
		panic("no such job: %s", *s);
	job.write = begins(s, "write");
	job.bytes = field(s);
	job.depth = field(s);
	job.ns = field(s) * MS;
	job.len = (unsigned)(*s - job.text);
	if (!job.bytes || job.bytes % PV_PAGE_SIZE || job.bytes > BYTES_MAX || !job.depth ||
	    job.depth > DEPTH_MAX || job.depth * job.bytes > MEMORY)
		panic("a job out of range: %s", job.text);
	return true;
}

static void start(struct io *r)
{
	uint64_t block;
	int rc;

	if (job.random) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		block = state % blocks;
	} else {
		block = next++ % blocks;
	}
	r->req.sector = block * (job.bytes / 512);
	for (uint64_t at = 0; job.write && at < job.bytes; at += PV_PAGE_SIZE)
		*(uint64_t *)((uint8_t *)r->seg.va + at) = r->req.sector * 512 + at;
	rc = pv_blkfront_submit(&front, &r->req);
	if (rc)
		panic("the disk takes no request (%d)", rc);
	busy++;
}

static bool holds(const struct io *r, uint64_t at)
{
	const uint8_t *data = r->seg.va;

	return *(const uint64_t *)(data + at) == r->req.sector * 512 + at;
}

static void done(struct pv_blkfront_req *req)
{
	struct io *r = req->user;

	busy--;
	if (req->status)
		panic("a request failed (%d)", req->status);
	if (!job.write && (!holds(r, 0) || !holds(r, job.bytes - PV_PAGE_SIZE)))
		panic("offset %lu holds other data", req->sector * 512);
	completed++;
	if (!ending)
		start(r);
}

static void run(void)
{
	uint64_t began = kernel_now(), now, waits = 0;
	int rc;

	blocks = front.info.sectors / (job.bytes / 512);
	if (!blocks)
		panic("the disk is too small");
	next = completed = 0;
	ending = false;
	for (uint64_t i = 0; i < job.depth; i++) {
		struct io *r = &ios[i];

		r->seg = (struct pv_blkfront_seg){memory + i * job.bytes, (uint32_t)job.bytes};
		r->req = (struct pv_blkfront_req){.op = job.write ? PV_BLKFRONT_WRITE
								  : PV_BLKFRONT_READ,
						  .seg = &r->seg,
						  .nseg = 1,
						  .done = done,
						  .user = r};
		start(r);
	}
	while (busy) {
		pv_blkfront_push(&front);
		rc = pv_blkfront_reap(&front, BUDGET);
		if (rc < 0)
			panic("the disk broke: %s", front.reason);
		if (!rc && !pv_blkfront_arm(&front)) {
			kernel_wait(0);
			waits++;
		}
		ending = kernel_now() - began >= job.ns;
	}
	now = kernel_now();
	kprintf("diskbench %.*s requests %lu ns %lu waits %lu\n", (int)job.len, job.text, completed,
		now - began, waits);
}

static void connect(struct pv *pv)
{
	const struct pv_blkfront_config config = {
		.ring_order = 1, .max_segs = PV_BLKFRONT_MAX_SEGS, .grefs = 2048, .indirect = 32};
	uint64_t deadline = kernel_now() + CONNECT_NS;
	int id = pv_bus_find(kernel_bus(), "vbd", 0), rc = kernel_grants_init();

	if (rc || id < 0)
		panic("no grant table or no disk (%d, %d)", rc, id);
	rc = pv_bus_open(kernel_bus(), &device, "vbd", (unsigned)id, NULL, NULL);
	if (!rc)
		rc = pv_blkfront_init(&front, &device.front, &config, NULL, NULL);
	while (!rc && (rc = pv_blkfront_step(&front)) == PV_FRONT_WAIT) {
		rc = kernel_now() < deadline ? 0 : -PV_ETIMEDOUT;
		kernel_wait(deadline);
	}
	if (rc != PV_FRONT_CONNECTED)
		panic("the disk does not connect (%d)", rc);
}

void guest_main(struct kernel *k)
{
	const char *s = k->cmdline;

	memory = pages_alloc(MEMORY / PV_PAGE_SIZE);
	if (!memory)
		panic("no memory");
	connect(k->pv);
	while (parse(&s))
		run();
	if (pv_blkfront_close(&front) >= 0)
		pv_blkfront_destroy(&front);
}
