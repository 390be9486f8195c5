# The PV network: user networking through refhv-netd on eth0, a tap in a bridge of L1 on eth1; HTTP both ways on both.

gets_an_address() { ask net 40 'ip link set eth0 up && udhcpc -i eth0 -s /etc/lease -n -q -t 8 && ip addr show eth0' | tee -a /dev/fd/2 | grep -q 'lease: 10.0.2.15'; }
# Of L1's side: wget wants the whole file, with the same sum. URL, file.
fetches() { [ "$(wget -q -O - "$1" | md5sum)" = "$2" ]; }
guest_fetches() { [ "$(ask net 60 "wget -q -O - $1 | md5sum")" = "$2" ]; }

prepare() {
	ip addr add 192.0.2.1/24 dev dummy0 && ip link set dummy0 up &&
		ip link add br0 type bridge && ip addr add 192.0.3.1/24 dev br0 && ip link set br0 up &&
		mkdir -p www && dd if=/dev/urandom of=www/file bs=1M count=4 && httpd -p 8000 -h www && sum=$(md5sum <www/file) &&
		guest net "vif = ['hostfwd=tcp:127.0.0.1:8080-:80', 'bridge=br0']"
}
serves() { ask net 30 'mkdir -p /tmp/www && dd if=/dev/urandom of=/tmp/www/file bs=1M count=4 2>/dev/null && httpd -h /tmp/www'; }
joins_the_bridge() { ask net 20 'ip addr add 192.0.3.2/24 dev eth1 && ip link set eth1 up && ping -c 3 -W 5 192.0.3.1'; }
# No checksum offload, no large segments in use: what counts is how they left.
loses_nothing() {
	ask net 10 'cat /sys/class/net/eth?/statistics/[rt]x_errors' | sort -u | tee -a /dev/fd/2 | grep -qx 0
}

claim boots_with_cards prepare
claim comes_up_with_cards shell net 90 && {
	claim dhcp_gives_an_address gets_an_address && {
		claim pings_the_router ask net 20 'ping -c 3 -W 5 10.0.2.2'
		claim guest_fetches_over_user_networking guest_fetches http://192.0.2.1:8000/file "$sum"
	}
	claim guest_serves_files serves
	served=$(ask net 10 'md5sum </tmp/www/file')
	claim is_fetched_from_through_a_forwarded_port fetches http://127.0.0.1:8080/file "$served"
	claim pings_over_tap_and_bridge joins_the_bridge && {
		claim is_pinged_over_tap_and_bridge ping -c 3 -W 5 192.0.3.2
		claim guest_fetches_over_tap_and_bridge guest_fetches http://192.0.3.1:8000/file "$sum"
		claim is_fetched_from_over_tap_and_bridge fetches http://192.0.3.2/file "$served"
	}
	claim cards_count_no_errors loses_nothing
}
