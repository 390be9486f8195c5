# A real Debian: the boot drive as a file (here: as the disk /dev/vda), its own kernel and initrd, up to the login prompt.

logs_in() {
	await "$1" "$2" 'drive login: ' && tell "$1" root && await "$1" 60 'root@drive' && tell "$1" 'echo "I ""am $(id -un) on $(uname -r)"' &&
		await "$1" 20 'I am root on .*cloud'
}
takes_them_out() {
	mkdir -p /mnt && mount -o ro /dev/vda1 /mnt && cp -L /mnt/vmlinuz /mnt/initrd.img . && umount /mnt
}
boots_by_kernel() {
	guest direct "kernel = 'vmlinuz'" "ramdisk = 'initrd.img'" "memory = 512" "disk = ['/dev/vda,raw,xvda,rw']" \
		"cmdline = 'root=/dev/xvda1 ro console=hvc0 quiet'" && logs_in direct 240
}
boots_by_grub() {
	guest grub "kernel = '/images/grub'" "memory = 512" "disk = ['/dev/vda,raw,xvda,rw']" && logs_in grub 300
}

[ -b /dev/vda1 ] || { echo "ok debian_boots_to_its_login # SKIP no drive could be made"; exit 0; }
claim kernel_and_initrd_are_inside_the_drive takes_them_out &&
	claim debian_boots_to_its_login_by_its_own_kernel boots_by_kernel && refhv shutdown -w direct
claim debian_boots_to_its_login_by_grub boots_by_grub
