# nested_net.sh: the network's figures, for nested.sh. netload serves in both guests, and L1 asks: its clock alone is read.
#
# Both cards are taps on one bridge with virtio headers (checksums and segmentation both ways); QEMU has no vhost, for refhv has none either.
# A packet is what passes the card at once, with segmentation up to 64 KiB.

PEERS="pv:192.0.3.2 qemu:192.0.3.3"
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# Of pv's card, this figure.
card() { refhv info --json pv | tr -d ' \n' | sed 's/"stats":/\n&/g' | grep '"tx_frames"' | sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }
counts() { echo "$(exits) $(($(card tx_frames) + $(card rx_frames))) $(card wakeups) $(card notifies) $(card calls)"; }
# NAME, then what netload is to do: three rounds, in turn, the medians.
net_both() {
	local name=$1 peer round before after
	shift
	rm -f net.pv net.qemu
	before=$(counts)
	for round in 1 2 3; do
		for peer in $PEERS; do
			./netload "$1" "${peer#*:}" 5000 "$2" "$3" >>"net.${peer%:*}" || { echo "$name: ${peer%:*} does not answer"; return 1; }
		done
	done
	after=$(counts)
	figure "$name" "$(median <net.pv)" "$(median <net.qemu)" more
	[ "$1" != ask ] || echo "# round trips, median and 99th of 100, us: refhv $(sed -n '2s/[^ ]* //p' net.pv), qemu $(sed -n '2s/[^ ]* //p' net.qemu)"
	echo "$before $after" | awk '{ f = $7 - $2; printf "# refhv, for each of %d packets: exits %.3f, wakeups %.3f, events %.3f, calls %.3f\n",
		f, ($6 - $1) / f, ($8 - $3) / f, ($9 - $4) / f, ($10 - $5) / f }'
}
net_figures() {
	local peer
	for peer in $PEERS; do
		ask "${peer%:*}" 20 'netload serve 5000 >/dev/null 2>&1 &' || return 1
	done
	net_both guest_receives,_MiB/s to 16 1
	net_both guest_receives_on_4,_MiB/s to 8 4
	net_both guest_sends,_MiB/s from 24 1
	net_both guest_sends_on_4,_MiB/s from 8 4
	net_both requests_on_1_connection,_1/s ask 400 1
	net_both requests_on_8_connections,_1/s ask 100 8
}
