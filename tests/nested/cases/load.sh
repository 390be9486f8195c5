# What a request of the PV disk costs in exits to user space, events and wake-ups: alone, and many at a time.

# What the disk has counted.
counted() { refhv info --json load | tr ',{}' '\n\n\n' | sed -n "s/^ *\"$1\": *//p" | head -n 1; }
# How often the virtual CPU came out to user space, whatever for.
left() { refhv info load | awk '$1 ~ /^exits\./ { n += $3 } END { print n }'; }
# reads or writes ($1) of 4 KiB at random, $2 at a time, $3 in all: prints requests, exits, events to the guest, wake-ups of the disk's thread.
load() {
	local r x e w
	r=$(counted $1s) x=$(left) e=$(counted events_sent) w=$(counted wakeups)
	ask load 60 "diskload /dev/xvda $1 random 4096 $2 $3" >/dev/null
	echo $(($(counted $1s) - r)) $(($(left) - x)) $(($(counted events_sent) - e)) $(($(counted wakeups) - w))
}
measure() { one=$(load $1 1 1000) many=$(load $1 32 4000); }

# One at a time it is the time that counts, by the guest's ticks: no bound would hold on every machine.
is_below_half() {
	set -- $one $many
	[ "$1" -ge 1000 ] && [ "$5" -ge 4000 ] && [ $((2 * $6)) -lt "$5" ]
}
falls() {
	set -- $one $many
	[ $(($6 * $1)) -lt $(($2 * $5)) ] && [ $(($7 * $1)) -lt $(($3 * $5)) ] && [ $(($8 * $1)) -lt $(($4 * $5)) ]
}

truncate -s 32M load.img
claim boots_to_be_loaded guest load "disk = ['load.img,raw,xvda,rw']"
told() { echo "# requests, exits to user space, events to the guest, wake-ups: one at a time $one; 32 $many"; }
claim comes_up_to_be_loaded shell load 90 && {
	measure read
	claim read_under_load_takes_less_than_half_an_exit is_below_half
	claim read_takes_fewer_exits_events_and_wakeups_under_load falls
	told
	measure write
	claim write_under_load_takes_less_than_half_an_exit is_below_half
	claim write_takes_fewer_exits_events_and_wakeups_under_load falls
	told
}
