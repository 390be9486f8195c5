/*
 * The keys of xl.cfg that refhv reads for their presence only: what is said about each of them.
 */
#ifndef REFHV_CONFIG_KEYS_H
#define REFHV_CONFIG_KEYS_H

/* Both lists end with NULL. */
extern const char *const config_keys_hvm[];   /* for emulated machines: meaningless here */
extern const char *const config_keys_later[]; /* known, without effect in refhv */

struct config_refused {
	const char *key, *why, *remedy;
};
extern const struct config_refused config_keys_refused[]; /* ends with a NULL key */

#endif
