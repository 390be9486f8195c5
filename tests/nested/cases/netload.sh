# What a packet of the PV network costs in exits to user space, events and wake-ups: one request at a time, and many streams.

HOST=192.0.6.2
prepare() {
	ip link add brl type bridge && ip addr add 192.0.6.1/24 dev brl && ip link set brl up &&
		cpio -id bin/netload </images/guest && guest netload "vif = ['bridge=brl']"
}
serves() { ask netload 20 "ip addr add $HOST/24 dev eth0 && ip link set eth0 up; netload serve 5000 >/dev/null 2>&1 & ping -c 2 192.0.6.1 >/dev/null"; }
# What the card has counted, and how often the virtual CPU came out to user space, whatever for.
counted() { refhv info --json netload | tr ',{}' '\n\n\n' | sed -n "s/^ *\"$1\": *//p" | head -n 1; }
left() { refhv info netload | awk '$1 ~ /^exits\./ { n += $3 } END { print n }'; }
# netload's WHAT COUNT CONNECTIONS: prints packets, exits, events to the guest, wake-ups of the card's thread.
load() {
	local p x e w
	p=$(($(counted tx_frames) + $(counted rx_frames))) x=$(left) e=$(counted notifies) w=$(counted wakeups)
	bin/netload $1 $HOST 5000 $2 $3 >/dev/null || return 1
	echo $(($(counted tx_frames) + $(counted rx_frames) - p)) $(($(left) - x)) $(($(counted notifies) - e)) $(($(counted wakeups) - w))
}
measure() { one=$(load ask 300 1) && many=$(load to 4 4); }
is_below_half() {
	set -- $one $many
	[ "$5" -ge 1000 ] && [ $((2 * $6)) -lt "$5" ]
}
falls() {
	set -- $one $many
	[ "$1" -ge 600 ] && [ $(($6 * $1)) -lt $(($2 * $5)) ] && [ $(($7 * $1)) -lt $(($3 * $5)) ] && [ $(($8 * $1)) -lt $(($4 * $5)) ]
}

claim boots_to_be_sent_to prepare
claim comes_up_to_be_sent_to shell netload 90 && {
	claim answers_requests_and_takes_streams eval 'serves && measure'
	claim packet_under_load_takes_less_than_half_an_exit is_below_half
	claim packet_takes_fewer_exits_events_and_wakeups_under_load falls
	echo "# packets, exits to user space, events to the guest, wake-ups: one request at a time $one; four streams $many"
}
