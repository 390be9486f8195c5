/*
 * Keys of xl.cfg(5) without an effect in refhv, so that a file made for xl works or says why it does not.
 */
#include <stddef.h>
#include "config/keys.h"

const char *const config_keys_hvm[] = {
	"acpi", "acpi_firmware", "acpi_laptop_slate", "acpi_s3", "acpi_s4", "altp2m", "altp2mhvm",
	"apic", "bios", "bios_path_override", "boot", "device_model_args",
	"device_model_args_hvm", "device_model_args_pv", "device_model_override",
	"device_model_stubdomain_override", "device_model_user", "device_model_version",
	"firmware", "firmware_override", "gfx_passthru", "hap", "hdtype", "hpet", "keymap",
	"mca_caps", "mmio_hole", "ms_vm_genid", "nestedhvm", "nographic", "nx", "opengl", "pae",
	"parallel", "sdl", "serial", "shadow_memory", "smbios", "smbios_firmware", "soundhw",
	"spice", "spiceagent_mouse", "spicehost", "spicepasswd", "spiceport",
	"spicetls_port", "stdvga", "timer_mode", "usb", "usbdevice", "usbversion", "vga",
	"videoram", "viridian", "vkb_device", "vnc", "vncdisplay", "vnclisten", "vncpasswd",
	"vncunused", "vpt_align", "xen_extended_process_creation", "xen_platform_pci", "stubdomain_kernel",
	"stubdomain_ramdisk", "stubdomain_cmdline", "stubdomain_memory", NULL
};

const char *const config_keys_later[] = {
	"arch", "bootargs", "cap", "channel", "claim_mode", "cpu_weight", "cpuid", "cpus",
	"cpus_soft", "cpu_policy", "driver_domain", "e820_host", "event_channels", "extratime",
	"init_seclabel", "latency", "localtime", "max_event_channels", "max_grant_frames",
	"max_grant_version", "max_maptrack_frames", "nodes", "nomigrate", "on_soft_reset",
	"on_watchdog", "passthrough", "period", "pool", "rtc_timeoffset", "run_hotplug_scripts",
	"seclabel", "slice", "tsc_mode", "vcpus_hard", "vfb", "vkb", "vnuma", "vsnd", "vtpm",
	"vuart", "xend_suspend_evtchn_compat", "xenstore_quota", "vmtrace_buf_kb", "vpmu",
	"console", "trap_unmapped_accesses", "suppress_vmdesc", NULL
};

const struct config_refused config_keys_refused[] = {
	{ "pci", "PCI passthrough is not supported", "leave it out" },
	{ "usbctrl", "USB passthrough is not supported", "leave it out" },
	{ "usbdev", "USB passthrough is not supported", "leave it out" },
	{ "dtdev", "device passthrough is not supported", "leave it out" },
	{ "device_tree", "device passthrough is not supported", "leave it out" },
	{ "ioports", "device passthrough is not supported", "leave it out" },
	{ "iomem", "device passthrough is not supported", "leave it out" },
	{ "irqs", "device passthrough is not supported", "leave it out" },
	{ "rdm", "device passthrough is not supported", "leave it out" },
	{ "p9", "9p shares are not supported yet", "put the files on a disk image" },
	{ "vdispl", "paravirtual displays are not supported", "leave it out" },
	{ "bootloader", "refhv runs no boot loader on a guest's disk",
	  "give the kernel, and its ramdisk, with kernel= and ramdisk=" },
	{ "bootloader_args", "refhv runs no boot loader on a guest's disk", "leave it out" },
	{ NULL, NULL, NULL }
};
