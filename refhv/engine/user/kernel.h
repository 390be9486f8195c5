/*
 * kernel.h: parts of the Linux interface that are newer than the headers of the oldest distribution
 * we build on
 *
 * Sources: include/uapi/linux/userfaultfd.h, include/uapi/linux/fs.h (both Linux 6.7), mseal(2)
 * (6.10).
 */
#ifndef REFHV_ENGINE_USER_KERNEL_H
#define REFHV_ENGINE_USER_KERNEL_H

#include <stdint.h>
#include <sys/ioctl.h>

#define UE_UFFD_WP_UNPOPULATED (1ull << 13)
#define UE_UFFD_WP_ASYNC       (1ull << 15)

#define UE_PAGE_IS_WPALLOWED (1ull << 0)
#define UE_PAGE_IS_WRITTEN   (1ull << 1)
#define UE_PM_WP_MATCHING    (1ull << 0)

struct ue_page_region {
	uint64_t start, end; /* addresses */
	uint64_t categories;
};

struct ue_pm_scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start, end;
	uint64_t walk_end;
	uint64_t vec, vec_len;
	uint64_t max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};
#define UE_PAGEMAP_SCAN _IOWR('f', 16, struct ue_pm_scan)

#define UE_SYS_MSEAL 462

#endif
