# The PV disk at the width that xen-blkfront negotiates: queues, kept grants, indirect requests, sectors, size, discard.

A='a.img,raw,xvda,rw,persistent' B='b.img,raw,xvdb,rw,sector-size=4096'

says() { ask blk 20 'dmesg | grep "blkfront: xvd"' | tee /dev/fd/1 | grep "$1" | tail -n 1 | grep -q "$2"; }
takes_persistent_grants() { says xvda: 'persistent grants: enabled; indirect descriptors: enabled'; }
needs_no_copy() { says xvdb: 'persistent grants: disabled; indirect descriptors: enabled; bounce buffer: disabled'; }
has_queues() {
	local n
	n=$(ask blk 20 'for d in xvda xvdb; do ls /sys/block/$d/mq | wc -w; done') && echo "$n" && [ "$n" = "$1
$1" ]
}
sees_large_sectors() { ask blk 20 'cat /sys/block/xvdb/queue/logical_block_size' | tee /dev/fd/1 | grep -qx 4096; }

# Four writers on two disks at once, each with a part of its own; then all of it again from the disk.
WRITERS='
	dd if=/dev/urandom of=/tmp/noise bs=64k count=128 2>/dev/null || exit 1
	for d in xvda xvdb; do for part in 0 1; do
		dd if=/tmp/noise of=/dev/$d bs=64k seek=$((part * 128)) conv=fsync,notrunc 2>/dev/null &
	done; done
	wait
	echo 3 >/proc/sys/vm/drop_caches'
READERS='
	for d in xvda xvdb; do for part in 0 1; do
		dd if=/dev/$d bs=64k skip=$((part * 128)) count=128 2>/dev/null | cmp - /tmp/noise || exit 1
	done; done'
writes_and_rereads() { ask blk 90 "($WRITERS) && ($READERS)"; }
rereads() { ask blk 60 "echo 3 >/proc/sys/vm/drop_caches; ($READERS)"; }

grows() {
	truncate -s 48M a.img
	refhv block-resize blk xvda && ask blk 30 'n=0; until [ "$(blockdev --getsize64 /dev/xvda)" = 50331648 ] || [ $n = 20 ]; do sleep 1; n=$((n + 1)); done
		blockdev --getsize64 /dev/xvda && dd if=/dev/xvda of=/dev/null bs=1M skip=40 count=8' | tee size
	[ "$(head -n 1 size)" = 50331648 ]
}

discards() {
	local before after
	before=$(du -k a.img | awk '{ print $1 }')
	ask blk 30 'blkdiscard -o 0 -l 8388608 /dev/xvda && dd if=/dev/xvda bs=1M count=8 2>/dev/null | tr -d "\0" | wc -c' | tee zeros
	after=$(du -k a.img | awk '{ print $1 }')
	echo "$before KiB before, $after KiB after"
	[ "$(tail -n 1 zeros)" = 0 ] && [ $((before - after)) -ge 8000 ]
}

truncate -s 32M a.img
truncate -s 32M b.img
claim boots_with_two_kinds_of_disk guest blk 'vcpus = 2' "disk = ['$A', '$B']"
claim comes_up_with_two_kinds_of_disk shell blk 180 && {
	claim linux_takes_persistent_grants_where_they_are_offered takes_persistent_grants
	claim linux_copies_nothing_where_they_are_not needs_no_copy
	claim linux_has_a_queue_for_each_vcpu has_queues 2
	claim linux_sees_sectors_of_4096_bytes sees_large_sectors
	claim writers_on_all_queues_read_back_what_they_wrote writes_and_rereads
	claim disk_grows_while_the_guest_runs grows
	claim discard_gives_the_space_back discards
}
