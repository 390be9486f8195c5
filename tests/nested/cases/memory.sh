# What guest memory is made of on the host: large pages, memory that is there at once; and a pool of large pages that has an end.

pool() { echo "$1" >/proc/sys/vm/nr_hugepages; }
pool_has() { awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo; }
process() { refhv info "$1" --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | head -n 1; }
# KiB of the domain process's memory that smaps calls this.
mapped() { awk -v key="$2:" '$1 == key { n += $2 } END { print n + 0 }' "/proc/$(process "$1")/smaps"; }
used() { refhv info "$1" --json | sed -n 's/.*"cpu_seconds": *\([0-9.]*\).*/\1/p'; }
# Comes up and works; says what that took: the virtual CPU's time to the prompt, and for memory that the guest touches for the first time.
works() {
	shell "$1" 90 || return 1
	local boot before
	boot=$(used "$1")
	before=$boot
	ask "$1" 60 'mount -t tmpfs none /mnt && dd if=/dev/zero of=/mnt/x bs=1M count=96 2>/dev/null && dd if=/mnt/x bs=1M 2>/dev/null | md5sum' >sum
	grep -q c13d611ce737cc731e8fae3f8d864052 sum || { cat sum; return 1; }
	echo "# $1: $boot s to the prompt, $(awk "BEGIN { print $(used "$1") - $before }") s for 96 MiB"
}
works_plainly() { guest plain && works plain; }
has_transparent_large_pages() {
	echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled && guest transparent "hugepages = 'transparent'" && works transparent || return 1
	echo "ShmemPmdMapped $(mapped transparent ShmemPmdMapped) KiB" && [ "$(mapped transparent ShmemPmdMapped)" -ge 65536 ]
}
is_there_at_once() {
	guest full "prefault = 1" || return 1
	local shmem
	shmem=$(awk '/RssShmem/ { print $2 }' "/proc/$(process full)/status")
	echo "RssShmem $shmem KiB"
	works full && [ "$shmem" -ge 262144 ]
}
finds_no_large_pages() {
	printf '%s\n' "name = 'huge'" "kernel = '/images/vmlinuz'" "memory = 256" "hugepages = 'yes'" >huge.cfg
	pool "$1"
	refhv create huge.cfg 2>err
	[ $? = 5 ] && [ "$(wc -l <err)" = 1 ] && grep nr_hugepages err && [ "$(pool_has HugePages_Free)" = "$(pool_has HugePages_Total)" ]
}
has_large_pages() {
	pool 140 && guest large "hugepages = 'yes'" || return 1
	# The RAM and the tables before the guest does anything.
	[ "$(($(pool_has HugePages_Total) - $(pool_has HugePages_Free)))" -ge 130 ] && works large || return 1
	echo "Private_Hugetlb $(mapped large Private_Hugetlb) KiB, $(pool_has HugePages_Free) pages are free"
	[ "$(mapped large Private_Hugetlb)" -ge 262144 ]
}
keeps_its_balloon() {
	local free
	free=$(pool_has HugePages_Free)
	refhv mem-set -w large 192 && ask large 10 'dd if=/mnt/x bs=1M 2>/dev/null | md5sum' | grep c13d611ce737cc731e8fae3f8d864052 &&
		refhv mem-set -w large 256 && [ "$(pool_has HugePages_Free)" = "$free" ]
}
gives_them_back() { refhv destroy large && [ "$(pool_has HugePages_Free)" = 140 ]; }
# The guest wants its grant frames where no RAM is, and the pool is empty by then: an error for the guest, which may take that ill.
outlives_an_empty_pool() {
	pool 130 && guest short "hugepages = 'yes'" "on_crash = 'preserve'" || return 1
	[ "$(pool_has HugePages_Free)" = 0 ] || return 1
	await short 60 'guest# |Kernel panic|rant table|BUG' || refhv info short | grep '^state *: crashed' || return 1
	sleep 3
	cat /run/refhv/short/refhv.log
	refhv info short | grep '^state ' && refhv destroy short
}

claim boots_and_works_plainly works_plainly && grep '^# ' claim.out && refhv destroy plain
claim transparent_large_pages_are_used has_transparent_large_pages && grep '^# ' claim.out && refhv destroy transparent
claim prefaulted_memory_is_there_before_the_guest is_there_at_once && grep '^# ' claim.out && refhv destroy full
claim large_pages_that_are_not_set_aside_are_an_error finds_no_large_pages 0
claim one_large_page_too_few_is_an_error finds_no_large_pages 129
claim large_pages_boot_and_work has_large_pages && {
	grep '^# ' claim.out
	claim balloon_leaves_large_pages_with_the_domain keeps_its_balloon
	claim large_pages_come_back_to_the_pool gives_them_back
}
claim empty_pool_does_not_kill_the_domain_process outlives_an_empty_pool
pool 0
