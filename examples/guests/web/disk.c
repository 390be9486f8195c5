/*
 * The archive on a block frontend: headers read at the start, files read into the buffers that the network card sends.
 * Trusts the frontend, which distrusts the backend.
 */
#include <pv/front/blk.h>

#include "guest.h"

#define READS  64
#define BUDGET 64
#define WINDOW NET_BUF_SIZE /* headers are read in pieces of this size */
#define WAIT   (10 * NET_S)

struct read {
	struct pv_blkfront_req req;
	struct pv_blkfront_seg seg;
	struct net_buf *buf;
	struct web *web;
	struct read *next;
};

static struct disk {
	struct pv_bus_device device;
	struct pv_blkfront front;
	bool changed;
	struct read reads[READS], *free;
} disk;

static void changed(void *arg)
{
	disk.changed = true;
}

static void done(struct pv_blkfront_req *req)
{
	struct read *r = req->user;

	http_read_done(&r->web->http, r->buf, !req->status);
	/* What the backend will not let go of is never used again. */
	if (req->status == -PV_EBUSY)
		return;
	net_buf_put(r->buf);
	r->next = disk.free;
	disk.free = r;
}

int disk_read(void *ctx, struct net_buf *buf, uint64_t sector, uint32_t sectors)
{
	struct read *r = disk.free;

	if (!r)
		return -NET_EAGAIN;
	r->seg = (struct pv_blkfront_seg){buf->data, sectors * TAR_SECTOR};
	r->req = (struct pv_blkfront_req){.op = PV_BLKFRONT_READ,
					  .sector = sector,
					  .seg = &r->seg,
					  .nseg = 1,
					  .done = done,
					  .user = r};
	r->buf = buf;
	r->web = ctx;
	/* Any error: the connection asks again, and gives up when its time is over. */
	if (pv_blkfront_submit(&disk.front, &r->req))
		return -NET_EAGAIN;
	disk.free = r->next;
	net_buf_hold(buf);
	return 0;
}

int disk_open(void)
{
	struct pv_blkfront_config config = {.ring_order = 0};
	uint64_t deadline = kernel_now() + WAIT;
	int id = pv_bus_find(kernel_bus(), "vbd", 0), rc;

	if (id < 0) {
		kprintf("web: no disk\n");
		return -PV_ENODEV;
	}
	for (unsigned i = 0; i < READS; i++) {
		disk.reads[i].next = disk.free;
		disk.free = &disk.reads[i];
	}
	rc = pv_bus_open(kernel_bus(), &disk.device, "vbd", (unsigned)id, changed, NULL);
	if (!rc)
		rc = pv_blkfront_init(&disk.front, &disk.device.front, &config, NULL, NULL);
	while (!rc && (rc = pv_blkfront_step(&disk.front)) == PV_FRONT_WAIT) {
		rc = kernel_now() < deadline ? 0 : -PV_ETIMEDOUT;
		kernel_wait(deadline);
	}
	if (rc != PV_FRONT_CONNECTED) {
		kprintf("web: the disk does not connect (%d)\n", rc);
		return rc < 0 ? rc : -PV_ENODEV;
	}
	if (disk.front.info.sector_size != TAR_SECTOR) {
		kprintf("web: the disk's sectors have %u bytes; an archive needs %u\n",
			disk.front.info.sector_size, TAR_SECTOR);
		return -PV_EINVAL;
	}
	return 0;
}

static int read_now(void *to, uint64_t sector, uint32_t sectors)
{
	struct pv_blkfront_seg seg = {to, sectors * TAR_SECTOR};
	struct pv_blkfront_req req = {
		.op = PV_BLKFRONT_READ, .sector = sector, .seg = &seg, .nseg = 1};
	int rc = pv_blkfront_submit(&disk.front, &req);

	if (rc)
		return rc;
	pv_blkfront_push(&disk.front);
	while (req.status == PV_BLKFRONT_BUSY && rc >= 0) {
		rc = pv_blkfront_reap(&disk.front, BUDGET);
		if (!rc && !pv_blkfront_arm(&disk.front))
			kernel_wait(0);
	}
	return rc < 0 ? rc : req.status;
}

int disk_index(struct tar *tar)
{
	uint8_t *window = pages_alloc(WINDOW / PV_PAGE_SIZE);
	uint64_t at, from = 0, n = 0;
	int rc = window ? 0 : -PV_ENOMEM;

	tar_init(tar, disk.front.info.sectors);
	while (!rc && (at = tar_next(tar)) != TAR_DONE) {
		if (at < from || at >= from + n) {
			from = at;
			n = disk.front.info.sectors - at;
			if (n > WINDOW / TAR_SECTOR)
				n = WINDOW / TAR_SECTOR;
			rc = read_now(window, from, (uint32_t)n);
		}
		if (!rc)
			tar_feed(tar, window + (at - from) * TAR_SECTOR);
	}
	if (window)
		pages_free(window, WINDOW / PV_PAGE_SIZE);
	return rc;
}

int disk_poll(void)
{
	if (disk.changed) {
		int rc;

		disk.changed = false;
		rc = pv_blkfront_step(&disk.front);
		if (rc < 0)
			return rc;
	}
	return pv_blkfront_reap(&disk.front, BUDGET);
}

void disk_push(void)
{
	pv_blkfront_push(&disk.front);
}

bool disk_arm(void)
{
	return pv_blkfront_arm(&disk.front);
}
