# Debian's kernel, as it is, comes to a shell on hvc0; the ways in which a guest ends.

boots() {
	guest "up$1" "vcpus = $1" && shell "up$1" 90 && [ "$(ask "up$1" 60 nproc)" = "$1" ]
}
is_xen() {
	[ "$(ask up1 10 'cat /sys/hypervisor/type /sys/hypervisor/guest_type')" = "xen
PVH" ]
}
tells_trap_mode() { refhv info up1 | tee -a /dev/fd/2 | grep -iE 'trap'; }
powers_off_itself() { tell up1 poweroff && gone up1 30; }
is_powered_off() { refhv shutdown -w --timeout 40 up2 && ! refhv domid up2; }
reboots_itself() { reboot_from_inside up4 && shell up4 90; }

claim boots_to_a_shell_on_hvc0_with_1_vcpu boots 1 && {
	claim guest_knows_that_it_is_a_xen_pvh_guest is_xen
	claim info_tells_how_hypercalls_are_trapped tells_trap_mode
	claim guest_powers_itself_off powers_off_itself
}
claim boots_to_a_shell_on_hvc0_with_2_vcpus boots 2 &&
	claim refhv_powers_the_guest_off is_powered_off
claim boots_to_a_shell_on_hvc0_with_4_vcpus boots 4 &&
	claim guest_reboots_itself reboots_itself
