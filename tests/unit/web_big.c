/*
 * A big file of known bytes. See web_big.h.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "web_big.h"
#include "web_rig.h"

static uint8_t byte_at(uint32_t i)
{
	return (uint8_t)(i * 2654435761u >> 15);
}

int big_archive(uint32_t len)
{
	char name[] = "/tmp/web-big-XXXXXX";
	int fd = mkstemp(name);
	ssize_t size = 512 + (ssize_t)len + 1024;
	uint8_t *b = malloc((size_t)size);

	if (!b)
		exit(77);
	unlink(name);
	rig_tar_header(b, "big", len, '0');
	for (uint32_t i = 0; i < len; i++)
		b[512 + i] = byte_at(i);
	memset(b + 512 + len, 0, 1024);
	if (fd < 0 || write(fd, b, (size_t)size) != size)
		exit(77);
	free(b);
	return fd;
}

void big_fetch(int fd, const char *request, uint32_t len)
{
	static uint8_t buf[1 << 20];
	uint32_t got = 0, wrong = 0;
	bool body = false;
	ssize_t n;

	ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		uint8_t *at = buf;

		if (!body) {
			at = memmem(buf, (size_t)n, "\r\n\r\n", 4);
			ck_assert_ptr_nonnull(at);
			at += 4;
			body = true;
		}
		for (; at < buf + n; at++)
			wrong += *at != byte_at(got++);
	}
	close(fd);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(got, len);
}
