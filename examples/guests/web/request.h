/*
 * One HTTP/1.x request head (RFC 9112), parsed. A pure function on bytes; every byte is a stranger's.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "bytes.h"

#define REQUEST_MAX  8192 /* a longer head is refused with 431 */
#define REQUEST_PATH 1024
#define REQUEST_TAG  64

enum request_range { RANGE_NONE, RANGE_FROM, RANGE_FROM_TO, RANGE_LAST };

struct request {
	bool get, head;	      /* neither: a method that is known, and not allowed here */
	bool keep_alive;      /* the peer can send another request on this connection */
	bool has_body;	      /* which is not read: the connection ends after the answer */
	uint8_t range;	      /* enum request_range */
	uint64_t first, last; /* RANGE_LAST: the last `last` bytes */
	uint32_t path_len;
	char path[REQUEST_PATH]; /* decoded, without the leading slash, query and fragment */
	uint32_t if_none_match_len, if_range_len;
	char if_none_match[REQUEST_TAG], if_range[REQUEST_TAG];
};

/*
 * Parse what has been received so far. The length of the head when it is whole, 0 when more has to come, or a
 * negative HTTP status (-400, -414, -431, -501, -505) with which to refuse.
 */
int request_parse(struct request *r, const char *text, uint32_t len);

#endif
