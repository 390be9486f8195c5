/*
 * What a machine is like: its kind and engine, memory, vCPUs, limits. Trusts no input; every message names its line.
 */
#include <string.h>
#include "config/check.h"
#include "config/shape.h"

static int get_type(struct parser *p)
{
	static const char *const types[] = {"any", "pv", "pvh"};
	static const char *const builders[] = {"generic", "linux"};
	static const char remedy[] =
		"use type=\"pv\" or type=\"pvh\", or leave it out: the image decides";
	int value = CONFIG_TYPE_ANY, ignored = 0;
	int rc = setting_word(p, "type", types, 3, &value, remedy);

	if (!rc)
		rc = setting_word(p, "builder", builders, 2, &ignored, remedy);
	p->c->type = (enum config_type)value;
	return rc;
}

static int get_engine(struct parser *p)
{
	static const char *const engines[] = {"auto", "user", "kvm"};
	int value = CONFIG_ENGINE_AUTO;
	int rc = setting_word(p, "engine", engines, 3, &value, "use auto, user or kvm");

	p->c->engine = (enum config_engine)value;
	return rc;
}

static int get_memory(struct parser *p)
{
	uint64_t memory = 0, maxmem = 0;
	bool given, max_given;
	struct syntax_setting *set = syntax_find(&p->syntax, "memory");
	int rc = setting_number(p, "memory", &memory, &given);

	if (!rc)
		rc = setting_number(p, "maxmem", &maxmem, &max_given);
	if (rc)
		return rc;
	if (!given && !max_given)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, 0, "add memory = 64 (MiB)",
				     "no memory");
	if (!given)
		memory = maxmem;
	if (!max_given)
		maxmem = memory;
	if (!set)
		set = syntax_find(&p->syntax, "maxmem");
	if (!memory || memory > CONFIG_MAX_MEMORY_MIB || maxmem > CONFIG_MAX_MEMORY_MIB)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, set->line,
				     "memory counts MiB; use 1 to 1048576",
				     "memory is out of range");
	if (maxmem > memory && (p->c->type == CONFIG_TYPE_PV || p->c->engine == CONFIG_ENGINE_USER))
		config_note(
			p->notes, syntax_find(&p->syntax, "maxmem")->line,
			"maxmem: a paravirtual guest has no balloon yet; it has memory, no more");
	p->c->memory_kib = memory << 10;
	p->c->maxmem_kib = maxmem << 10;
	return 0;
}

static int get_vcpus(struct parser *p)
{
	uint64_t vcpus = 1, maxvcpus = 0;
	bool given, max_given;
	int rc = setting_number(p, "vcpus", &vcpus, &given);
	struct syntax_setting *set = syntax_find(&p->syntax, given ? "vcpus" : "maxvcpus");

	if (!rc)
		rc = setting_number(p, "maxvcpus", &maxvcpus, &max_given);
	if (rc)
		return rc;
	if (!max_given)
		maxvcpus = vcpus;
	if (!vcpus || vcpus > CONFIG_MAX_VCPUS || maxvcpus > CONFIG_MAX_VCPUS)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, set ? set->line : 0,
				     "use 1 to 128", "vcpus is out of range");
	p->c->vcpus = (unsigned)vcpus;
	p->c->maxvcpus = (unsigned)maxvcpus;
	return 0;
}

static int get_pages(struct parser *p)
{
	int kind = CONFIG_PAGES_SMALL;
	uint64_t prefault = 0;
	bool given;
	int rc = setting_word(p, "hugepages", config_pages_words, 3, &kind,
			      "use no, transparent (as far as the host has them), or yes");

	if (!rc)
		rc = setting_number(p, "prefault", &prefault, &given);
	if (!rc && prefault > 1)
		rc = refhv_fail_at(p->e, REFHV_CONFIG, p->file,
				   syntax_find(&p->syntax, "prefault")->line, "use 0 or 1",
				   "prefault is a switch");
	p->c->pages = (enum config_pages)kind;
	p->c->prefault = prefault;
	return rc;
}

static int get_trap(struct parser *p)
{
	int value = CONFIG_TRAP_AUTO;
	int rc = setting_word(p, "trap", config_trap_words, CONFIG_TRAPS, &value,
			      "use auto, kvm-xen, run-time, load-time or page");

	p->c->trap = (enum config_trap)value;
	return rc;
}

static int get_limit(struct parser *p, const char *key, uint64_t least, uint64_t most,
		     uint32_t *limit)
{
	uint64_t value = 0;
	bool given;
	int rc = setting_number(p, key, &value, &given);

	if (rc || !given)
		return rc;
	if (value < least || value > most)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file,
				     syntax_find(&p->syntax, key)->line, "leave it out",
				     "%s: %llu to %llu are possible", key,
				     (unsigned long long)least, (unsigned long long)most);
	*limit = (uint32_t)value;
	return 0;
}

static int get_limits(struct parser *p)
{
	struct refhv_config *c = p->c;
	int rc = get_limit(p, "max_event_channels", CONFIG_MIN_EVENT_CHANNELS,
			   CONFIG_MAX_EVENT_CHANNELS, &c->max_event_channels);

	if (!rc)
		rc = get_limit(p, "max_grant_frames", 1, CONFIG_MAX_GRANT_FRAMES,
			       &c->max_grant_frames);
	if (!rc)
		rc = get_limit(p, "max_grant_version", 1, 2, &c->max_grant_version);
	return rc;
}

static int get_consoles(struct parser *p)
{
	uint32_t n = 1;
	int rc = get_limit(p, "consoles", 1, CONFIG_MAX_CONSOLES, &n);

	p->c->consoles = n;
	return rc;
}

int config_shape(struct parser *p)
{
	int (*const step[])(struct parser *) = {get_type,  get_engine, get_trap,     get_memory,
						get_pages, get_vcpus,  get_consoles, get_limits};
	int rc = 0;

	for (unsigned i = 0; i < sizeof(step) / sizeof(step[0]) && !rc; i++)
		rc = step[i](p);
	return rc;
}
