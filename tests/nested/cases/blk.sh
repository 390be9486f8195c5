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

# What the first disk has counted.
counted() { refhv info --json blk | tr ',{}' '\n\n\n' | sed -n "s/^ *\"$1\": *//p" | head -n 1; }
# How often a virtual CPU came out to user space, whatever for.
left() { refhv info blk | awk '$1 ~ /^exits\./ { n += $3 } END { print n }'; }
# Random reads of 4 KiB, $1 at a time, $2 in all; prints requests, exits, events to the guest, wake-ups of the disk's threads.
load() {
	local r x e w
	r=$(counted reads) x=$(left) e=$(counted events_sent) w=$(counted wakeups)
	ask blk 60 "diskload /dev/xvda read random 4096 $1 $2" >/dev/null
	echo $(($(counted reads) - r)) $(($(left) - x)) $(($(counted events_sent) - e)) $(($(counted wakeups) - w))
}
costs_less_under_load() {
	one=$(load 1 1000) many=$(load 32 4000)
	set -- $one $many
	[ "$1" -ge 1000 ] && [ "$5" -ge 4000 ] && [ "$2" -lt "$1" ] && [ $(($6 * $1)) -lt $(($2 * $5)) ] && [ $(($7 * $1)) -lt $(($3 * $5)) ]
}

grows() {
	truncate -s 48M a.img
	refhv block-resize blk xvda && ask blk 20 'blockdev --getsize64 /dev/xvda && dd if=/dev/xvda of=/dev/null bs=1M skip=40 count=8' | tee size
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
	claim request_costs_less_than_an_exit_and_less_under_load costs_less_under_load
	echo "# requests, exits to user space, events to the guest, wake-ups: one at a time $one; 32 $many"
	claim disk_grows_while_the_guest_runs grows
	claim discard_gives_the_space_back discards
}
