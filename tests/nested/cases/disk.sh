# The PV disk: what is written is there, from both sides and after a reboot.

MIB64='dd if=/dev/urandom of=/tmp/noise bs=1M count=64 && dd if=/tmp/noise of=/dev/xvda bs=1M conv=fsync &&
	echo 3 >/proc/sys/vm/drop_caches'

rereads() {
	ask disk 90 "$MIB64" && sums=$(ask disk 60 'md5sum </tmp/noise; dd if=/dev/xvda bs=1M count=64 2>/dev/null | md5sum') &&
		echo "$sums" && [ "$(echo "$sums" | sort -u | wc -l)" = 1 ]
}
is_in_the_file() { [ "$(dd if=big.img bs=1M count=64 2>/dev/null | md5sum)" = "${sums%%
*}" ]; }
refuses_to_write() { ask disk 20 'cat /sys/block/xvdc/ro; ! dd if=/dev/zero of=/dev/xvdc bs=4k count=1 conv=fsync'; }
makes_ext4() {
	ask disk 60 'mkfs.ext4 -q /dev/xvdb && mount /dev/xvdb /mnt && mkdir -p /mnt/a/b && cp /bin/busybox /mnt/a/b/file &&
		md5sum </mnt/a/b/file >/mnt/sum && cat /mnt/sum'
}
is_there_after_a_reboot() {
	reboot_from_inside disk && shell disk 90 &&
		ask disk 30 'mount /dev/xvdb /mnt && [ "$(md5sum </mnt/a/b/file)" = "$(cat /mnt/sum)" ] && mount | grep /mnt'
}

truncate -s 80M big.img
truncate -s 48M ext4.img
truncate -s 1M ro.img
claim boots_with_disks guest disk "disk = ['big.img,raw,xvda,rw', 'ext4.img,raw,xvdb,rw', 'ro.img,raw,xvdc,ro']"
claim comes_up_with_disks shell disk 90 && {
	claim rereads_64_mib_as_written rereads
	claim disk_file_holds_what_the_guest_wrote is_in_the_file
	claim read_only_disk_refuses_to_be_written refuses_to_write
	claim guest_makes_ext4 makes_ext4 &&
		claim ext4_survives_a_reboot is_there_after_a_reboot
}
