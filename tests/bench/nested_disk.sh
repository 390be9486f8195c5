# nested_disk.sh: the disks of nested.sh, and what they do. Each side has two: a file in L1's memory, and a disk of L1.

MIB=64
make_disks() {
	# Written once: what is measured is not how L1 finds room for them.
	for f in pv.img qemu.img; do dd if=/dev/zero of=$f bs=1M count=$MIB 2>/dev/null; done
}
pv_disks() { echo "'pv.img,raw,xvda,rw', 'phy:/dev/vda,xvdb,rw'"; }
# With the same promises: through the page cache, durable when the guest flushes.
qemu_disks() {
	for d in a:qemu.img b:/dev/vdb; do
		echo "-drive id=${d%%:*},if=none,format=raw,file=${d#*:},cache=writeback,aio=${AIO:-threads} -device virtio-blk-device,serial=${d%%:*},drive=${d%%:*}"
	done
}

median() { tr ' ' '\n' | grep . | sort -n | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }
# MACHINE, DEVICE, JOB of diskload: requests a second.
load() { ask "$1" 100 "diskload /dev/$2 $3" | awk '$1 == "diskload" { printf "%.1f", $2 * 1e9 / $4; n++ } END { if (!n) print 0.001 }'; }
# NAME, DISK (a or b), JOB: three times in turn on each side, the median of each; and what a request of refhv's costs in exits to user space.
disk() {
	local p= q= n=0 e=$(exits) i
	for i in 1 2 3; do
		[ "$2" = a ] || echo 3 >/proc/sys/vm/drop_caches
		p="$p $(load pv xvd$2 "$3")"
		q="$q $(load qemu vd$2 "$3")"
		n=$((n + ${3##* }))
	done
	figure "$1" "$(echo "$p" | median)" "$(echo "$q" | median)" more
	echo "# exits of refhv per request: $(awk -v n=$n -v x=$(($(exits) - e)) 'BEGIN { printf "%.2f", x / n }'); all:$p,$q"
}
disk_figures() {
	local d what
	for d in a b; do
		[ $d = a ] && what=memory || what=disk
		for op in read write; do
			disk "$what:_${op}_1M,_depth_1,_1/s" $d "$op sequential 1048576 1 48"
			disk "$what:_${op}_4K_at_random,_depth_1,_1/s" $d "$op random 4096 1 600"
			disk "$what:_${op}_4K_at_random,_depth_32,_1/s" $d "$op random 4096 32 1600"
		done
	done
}
