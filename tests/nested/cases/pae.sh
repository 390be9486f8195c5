# Debian's 32-bit kernel, with physical addresses of 36 bits and two vCPUs: hypercalls, tables and rings in their 32-bit form.

# The software emulation cannot do a guest with PAE in nested paging: for this one L1 has shadow paging.
paging() { rmmod kvm_amd && insmod /modules/kvm_amd.ko npt="$1"; }
boots_32() {
	truncate -s 16M pae.img && guest pae "kernel = '/images/vmlinuz-686-pae'" "ramdisk = '/images/guest-686-pae'" "vcpus = 2" \
		"cmdline = 'console=hvc0 quiet'" "disk = ['pae.img,raw,xvda,rw']" "vif = ['net=user']" && shell pae 120 &&
		ask pae 10 'uname -r; uname -m; nproc' | tr '\n' ' ' | grep '686-pae i686 2'
}
has_a_disk() {
	ask pae 60 'dd if=/dev/urandom of=/tmp/noise bs=64k count=64 && dd if=/tmp/noise of=/dev/xvda bs=64k conv=fsync &&
		echo 3 >/proc/sys/vm/drop_caches && dd if=/dev/xvda bs=64k count=64 | cmp - /tmp/noise'
}
has_a_network() { ask pae 60 'ip link set eth0 up && udhcpc -i eth0 -s /etc/lease -n -q -t 8 && ping -c 2 -W 5 10.0.2.2'; }
ends() { tell pae poweroff && gone pae 30; }

if ! [ -e /images/vmlinuz-686-pae ]; then
	echo "ok boots_the_32_bit_kernel_of_debian # SKIP no packages of 32 bits could be had"
	exit 0
fi
within 20 paging 0
claim boots_the_32_bit_kernel_of_debian boots_32 && {
	claim guest_of_32_bits_reads_what_it_wrote has_a_disk
	claim guest_of_32_bits_has_a_network has_a_network
	claim guest_of_32_bits_powers_itself_off ends
}
refhv destroy pae 2>/dev/null
within 20 paging 1
