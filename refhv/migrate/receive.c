/*
 * receive: the receiver's half of migrate.h. Trusts nothing that it reads.
 */
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "migrate.h"

int migrate_open(struct wire *w, char **config)
{
	uint8_t head[PV_STREAM_HEADERS_SIZE];
	uint32_t type, length;
	int rc;

	*config = NULL;
	rc = wire_read(w, head, sizeof head);
	if (rc < 0)
		return rc;
	rc = pv_stream_headers_get(head);
	if (rc < 0)
		return wire_fail(
			w, rc,
			rc == -PV_EBADMSG
				? "this is no saved domain"
				: "this saved domain has another version, byte order or page size");
	if (rc != PV_STREAM_DHDR_TYPE_X86_PV)
		return wire_fail(w, -PV_EOPNOTSUPP,
				 "this is a saved PVH or HVM domain: no engine here can run it");
	rc = wire_next(w, &type, &length);
	if (rc < 0)
		return rc;
	if (type != PV_STREAM_REC_PV_CONFIG)
		return wire_fail(w, -PV_EOPNOTSUPP,
				 "the stream does not begin with a description of ours: it is "
				 "another hypervisor's");
	*config = malloc(length + 1);
	if (!*config)
		return wire_fail(w, -PV_ENOMEM, "no memory for a description of %u bytes", length);
	(*config)[length] = 0;
	rc = wire_body(w, *config, length);
	if (rc == 0)
		rc = wire_record_end(w);
	if (rc == 0 && strlen(*config) != length)
		rc = wire_fail(w, -PV_EBADMSG, "the description is no text");
	if (rc < 0) {
		free(*config);
		*config = NULL;
	}
	return rc;
}

int migrate_machine(struct wire *w, struct image *im)
{
	uint32_t type, length;
	int rc = wire_next(w, &type, &length);

	if (rc < 0)
		return rc;
	if (type != PV_STREAM_REC_PV_MACHINE)
		return wire_fail(w, -PV_EBADMSG, "the machine record is missing");
	rc = image_receive_machine(w, length, im);
	return rc < 0 ? rc : wire_record_end(w);
}

int migrate_receive(struct wire *w, void *ram, uint64_t ram_size, struct image *im)
{
	uint32_t type, length;
	int rc;

	for (;;) {
		rc = wire_next(w, &type, &length);
		if (rc < 0)
			return rc;
		switch (type) {
		case PV_STREAM_REC_STATIC_DATA_END: rc = wire_record_end(w); break;
		case PV_STREAM_REC_PAGE_DATA: rc = memory_receive(w, length, ram, ram_size); break;
		case PV_STREAM_REC_END:
			rc = wire_record_end(w);
			return rc < 0 ? rc : image_complete(w, im);
		default: rc = image_receive(w, type, length, im); break;
		}
		if (rc < 0)
			return rc;
	}
}
