# Other kernels: Debian's large one, and guests that stand on libpv.

boots() {
	guest large "kernel = '/images/vmlinuz-amd64'" "ramdisk = '/images/guest-amd64'" "cmdline = 'console=hvc0 quiet'" && shell large 120 && ask large 10 'uname -r' | grep -v cloud
}
conforms() {
	guest conformance "kernel = '/images/conformance.elf'" "vcpus = 3" "type = 'pvh'" "engine = 'kvm'" || return 1
	await conformance 30 '^1\.\.[0-9]+' && gone conformance 40
	grep -a '^not ok' conformance.log
	[ "$(grep -ac '^ok' conformance.log)" = "$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' conformance.log)" ]
}

claim boots_the_large_kernel_of_debian boots
claim conformance_guest_passes_on_kvm conforms
