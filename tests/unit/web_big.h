/*
 * A big file of known bytes: its archive for a server, and its check behind a real socket. Trust: test code.
 */
#ifndef TESTS_WEB_BIG_H
#define TESTS_WEB_BIG_H

#include <stdint.h>

/* A descriptor of an archive with the file "big" of this length. Ends the program with 77 where there is no room. */
int big_archive(uint32_t len);
/* Sends the HTTP request, and checks that `len` bytes of the file follow the answer's head; closes fd. */
void big_fetch(int fd, const char *request, uint32_t len);

#endif
