/*
 * HYPERVISOR_xen_version: what the guest is told about its hypervisor.
 *
 * Output only; each buffer is filled from zero so that nothing of ours leaks with it. Sources:
 * Xen's public version.h and, for what an unprivileged guest may see, xen/include/xsm/dummy.h.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/features.h>

/* 64-bit PV guests keep out of here, whether or not somebody lives there. */
#define HYPERVISOR_VIRT_START 0xffff800000000000ull

/* The string, and zeros up to the size of the ABI's field; the last byte is always zero. */
static int64_t put_string(struct pv_domain *d, unsigned vcpu, uint64_t gva, const char *s,
			  size_t size)
{
	size_t done, n, i;
	char buf[64];
	int rc = 0;

	for (done = 0; !rc && done < size; done += n) {
		n = size - done < sizeof(buf) ? size - done : sizeof(buf);
		memset(buf, 0, sizeof(buf));
		for (i = 0; i < n && done + i < size - 1 && *s; i++)
			buf[i] = *s++;
		rc = pv_guest_write(d, vcpu, gva + done, buf, n);
	}
	return rc;
}

static int64_t do_features(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_feature_info f;

	if (pv_guest_read(d, vcpu, &f, gva, sizeof(f)))
		return -PV_EFAULT;
	if (f.submap_idx >= PV_XENFEAT_NR_SUBMAPS)
		return -PV_EINVAL;
	f.submap = d->features;
	return pv_guest_write(d, vcpu, gva, &f, sizeof(f));
}

static int64_t do_compile_info(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	static const struct pv_compile_info info = {
#if defined(__clang__)
		.compiler = "clang " __clang_version__,
#else
		.compiler = "gcc " __VERSION__,
#endif
		.compile_by = "libpv",
		.compile_domain = "",
		.compile_date = "", /* builds are reproducible */
	};

	return pv_guest_write(d, vcpu, gva, &info, sizeof(info));
}

static const char *capabilities(const struct pv_domain *d)
{
#if defined(__aarch64__)
	(void)d;
	return "xen-3.0-aarch64 ";
#else
	return d->kind == PV_DOMAIN_PVH ? "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 "
					: "xen-3.0-x86_64 ";
#endif
}

int64_t pv_do_xen_version(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	struct pv_platform_parameters params = {HYPERVISOR_VIRT_START};
	uint64_t gva = arg[1];

	switch (arg[0]) {
	case PV_XENVER_version: return d->xen_version;
	case PV_XENVER_extraversion:
		return put_string(d, vcpu, gva, d->extraversion, PV_XEN_EXTRAVERSION_LEN);
	case PV_XENVER_compile_info: return do_compile_info(d, vcpu, gva);
	case PV_XENVER_capabilities:
		return put_string(d, vcpu, gva, capabilities(d), PV_XEN_CAPABILITIES_INFO_LEN);
	case PV_XENVER_changeset: return put_string(d, vcpu, gva, "", PV_XEN_CHANGESET_INFO_LEN);
	case PV_XENVER_platform_parameters:
		return pv_guest_write(d, vcpu, gva, &params, sizeof(params));
	case PV_XENVER_get_features: return do_features(d, vcpu, gva);
	case PV_XENVER_pagesize: return gva ? -PV_EINVAL : (int64_t)PV_PAGE;
	case PV_XENVER_guest_handle: return pv_guest_write(d, vcpu, gva, d->uuid, sizeof(d->uuid));
	case PV_XENVER_commandline:
		if (!d->commandline[0]) /* what Xen tells an unprivileged domain, and no more */
			return pv_guest_write(d, vcpu, gva, "<denied>", sizeof("<denied>"));
		return put_string(d, vcpu, gva, d->commandline, PV_MAX_GUEST_CMDLINE);
	case PV_XENVER_build_id: return -PV_EPERM; /* the control domain's to know */
	default: return -PV_ENOSYS;
	}
}
