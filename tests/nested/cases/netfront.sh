# The PV network at the width that xen-netfront negotiates: a tap with several queues, segmentation, large packets; user
# networking with segmentation. Figures: frames, wakeups of the I/O threads, events and system calls for a frame.

prepare() {
	ip link add brw type bridge && ip addr add 192.0.4.1/24 dev brw && ip link set brw up &&
		mkdir -p www && dd if=/dev/urandom of=www/file bs=1M count=4 2>/dev/null && httpd -p 8001 -h www && sum=$(md5sum <www/file) &&
		guest wide "vcpus = 2" "vif = ['bridge=brw,mtu=9000', 'hostfwd=tcp:127.0.0.1:8081-:80']"
}
# The N-th card's figure of this name.
figure() {
	refhv info --json wide | tr -d ' \n' | sed 's/"stats":/\n&/g' | grep '"tx_frames"' | sed -n "$1p" | sed "s/.*\"$2\":\([0-9a-z]*\).*/\1/"
}
has_queues() {
	[ "$(ask wide 10 'cd /sys/class/net/eth0/queues && echo *')" = 'rx-0 rx-1 tx-0 tx-1' ] && [ "$(figure 1 queues)" = 2 ]
}
takes_segments() { [ "$(figure 1 gso) $(figure 2 gso)" = "true true" ]; }
addresses() {
	ask wide 20 'ip addr add 192.0.4.2/24 dev eth0 && ip link set eth0 up && ping -c 2 -W 5 192.0.4.1' &&
		ask wide 40 'ip link set eth1 up && udhcpc -i eth1 -s /etc/lease -n -q -t 8'
}
serves() { ask wide 40 'mkdir -p /tmp/www && dd if=/dev/urandom of=/tmp/www/file bs=1M count=4 2>/dev/null && httpd -h /tmp/www'; }
fetches() { [ "$(wget -q -O - "$1" | md5sum)" = "$2" ]; }
guest_fetches() {
	local got
	got=$(ask wide 90 "wget -q -O /tmp/got $1 || echo wget \$?; wc -c </tmp/got; md5sum </tmp/got")
	echo "wanted $2"
	echo "got $got"
	[ "$(echo "$got" | tail -n 1)" = "$2" ]
}
# Two fetches each way at the same time; a flow of its own each, on whichever queue.
all_at_once() {
	local n fetching
	for n in 1 2; do
		wget -q -O - http://192.0.4.2/file >fetched.$n &
		fetching="$fetching $!"
	done
	ask wide 100 'for n in 1 2; do wget -q -O /tmp/got.$n http://192.0.4.1:8001/file & done; wait
		for n in 1 2; do wc -c </tmp/got.$n; md5sum </tmp/got.$n; rm /tmp/got.$n; done' >got
	wait $fetching
	for n in 1 2; do wc -c <fetched.$n; md5sum <fetched.$n; done >>got
	rm fetched.*
	cat got
	[ "$(grep -cxF "$sum" got) $(grep -cxF "$served" got)" = "2 2" ]
}
# Bytes of the mean frame in this direction: more than Ethernet's.
in_super_frames() {
	local mean=$(($(figure "$1" "$2_bytes") / $(figure "$1" "$2_frames")))
	echo "mean frame $mean"
	[ $mean -gt "$3" ]
}
large_packets() {
	ask wide 20 'ip link set eth0 mtu 9000 && ping -c 2 -W 5 -s 8900 192.0.4.1'
}
is_sparing() {
	local n frames
	for n in 1 2; do
		frames=$(($(figure $n tx_frames) + $(figure $n rx_frames)))
		echo "# card $n: $frames frames; $(figure $n wakeups) wakeups, $(figure $n notifies) events, $(figure $n calls) calls" >&3
	done
	# The tap's is the one that is held to it: user networking is another process on the one CPU that L1 has.
	[ "$(figure 1 wakeups)" -lt $(($(figure 1 tx_frames) + $(figure 1 rx_frames))) ]
}
without_errors() { [ "$(figure 1 tx_errors) $(figure 1 rx_errors) $(figure 2 tx_errors) $(figure 2 rx_errors)" = "0 0 0 0" ]; }

exec 3>&1
claim boots_with_two_cards_and_two_vcpus prepare
claim comes_up_with_two_cards shell wide 90 && {
	claim netfront_takes_a_queue_for_each_vcpu has_queues
	claim netfront_takes_super_frames_on_tap_and_user_networking takes_segments
	claim both_cards_have_addresses addresses
	claim guest_serves_a_file serves
	served=$(ask wide 20 'md5sum </tmp/www/file')
	claim guest_fetches_over_a_tap guest_fetches http://192.0.4.1:8001/file "$sum"
	claim is_fetched_from_over_a_tap fetches http://192.0.4.2/file "$served"
	claim is_fetched_from_over_user_networking fetches http://127.0.0.1:8081/file "$served"
	claim two_fetches_each_way_at_once_over_two_queues_are_unharmed all_at_once
	claim sends_super_frames_to_the_tap in_super_frames 1 tx 1600
	claim receives_super_frames_from_the_tap in_super_frames 1 rx 1600
	claim sends_super_frames_to_user_networking in_super_frames 2 tx 1600
	claim wakes_less_than_once_a_frame is_sparing
	claim carries_packets_of_9000_bytes large_packets
	claim counts_no_errors without_errors
}
