/*
 * fuzz_webnet: frames of a stranger into the web guest's stack.
 *
 * The input is a list of frames, each after two bytes: its length (low 11 bits) and how long to wait before it (high 5
 * bits). Addresses and checksums are put right when the first byte of a frame says so, so that the fuzzer need not
 * guess them; TCP numbers are relative to the connection's own. Whatever comes, no buffer may be lost and no byte
 * outside a frame be read; rig's transmit checks what goes out.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/web_rig.h"
#include "ipv4.h"
#include "fuzz.h"

static uint32_t server_seq;

static void learn(struct rig *rig, const uint8_t *f, uint32_t len)
{
	if (f[23] == IPV4_TCP)
		server_seq = get_be32(f + 38) + (f[47] & 3 ? 1 : 0);
}

static void mend(uint8_t *f, uint32_t len, uint8_t how)
{
	uint8_t protocol = how & 4 ? IPV4_UDP : IPV4_TCP;

	if (len < 54 || !(how & 1))
		return;
	if (protocol == IPV4_TCP) {
		f[36] = 0;
		f[37] = how & 8 ? 25 : 80;
		f[34] = 0x40;
		f[35] &= 3;
		f[46] = (uint8_t)(f[46] & 0x30 ? 0x50 : f[46]);
		if (how & 2)
			put_be32(f + 42, server_seq);
		put_be32(f + 38, get_be32(f + 38) & 0x1fff);
	} else {
		put_be16(f + 34, 67);
		put_be16(f + 36, 68);
		put_be16(f + 38, len - 34);
	}
	rig_wrap(f, RIG_PEER, RIG_ADDRESS, protocol, len - 34);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig *rig = rig_new(1, 1500, size && data[0] & 1);
	uint8_t f[2048];

	rig->peer = learn;
	rig->read_delay = size && data[0] & 2 ? NET_MS : 0;
	server_seq = 0;
	for (size_t at = 1; at + 3 <= size;) {
		uint32_t head = (uint32_t)data[at] | (uint32_t)data[at + 1] << 8,
			 len = head & 0x7ff;
		uint8_t how = data[at + 2];

		at += 3;
		if (len > size - at)
			len = (uint32_t)(size - at);
		memcpy(f, data + at, len);
		at += len;
		rig_run(rig, (head >> 11) * 300000ull);
		mend(f, len, how);
		rig_push(rig, f, len);
	}
	rig_run(rig, 3000 * NET_S);
	if (!rig_all_free(rig) || tcp_open_connections(&rig->web.net))
		abort();
	rig_free(rig);
	return 0;
}
