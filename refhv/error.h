/*
 * What goes wrong, as a person is told it: where, what, what to do about it, and the exit code that says so to a script.
 *
 * One command reports one error. The exit codes are documented in refhv(1) and never change meaning.
 */
#ifndef REFHV_ERROR_H
#define REFHV_ERROR_H

enum refhv_exit {
	REFHV_OK = 0,
	REFHV_FAILED = 1,    /* something that has no code of its own */
	REFHV_USAGE = 2,     /* the command line is wrong */
	REFHV_CONFIG = 3,    /* the domain's description is wrong */
	REFHV_IMAGE = 4,     /* kernel, ramdisk or saved image cannot be used */
	REFHV_RESOURCE = 5,  /* a disk, tap, port or right is missing */
	REFHV_NO_DOMAIN = 6, /* no such domain */
	REFHV_BUSY = 7,	     /* the name or identity is in use */
	REFHV_TIMEOUT = 8,   /* what was waited for did not happen in time */
	REFHV_ENGINE = 9,    /* no engine can run this domain here */
	REFHV_STATE = 10,    /* the domain is in the wrong state, or does not answer */
	REFHV_CRASHED = 11,  /* run: the guest crashed */
	REFHV_KILLED = 12,   /* run: the domain was ended from outside, or its process died */
};

struct refhv_error {
	enum refhv_exit exit;
	char file[256]; /* empty when no file is to blame */
	unsigned line;	/* 0 when no line is */
	char what[512];
	char remedy[256]; /* empty when there is nothing to advise */
};

/* Both fill in *e and return the negative of `exit`, so that a caller can return the call. `remedy` may be NULL. */
int refhv_fail(struct refhv_error *e, enum refhv_exit exit, const char *remedy, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));
int refhv_fail_at(struct refhv_error *e, enum refhv_exit exit, const char *file, unsigned line,
		  const char *remedy, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The one line that a person reads: "FILE:LINE: what; remedy". At most len bytes with the NUL. Returns buf. */
char *refhv_error_text(const struct refhv_error *e, char *buf, unsigned len);

/* The word for an exit code in JSON output: "config", "timeout", ... */
const char *refhv_exit_word(enum refhv_exit exit);
enum refhv_exit refhv_exit_from_word(const char *word);

#endif
