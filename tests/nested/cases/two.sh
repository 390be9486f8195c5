# Two guests at once, which talk to each other.

prepare() {
	ip link add br1 type bridge && ip link set br1 up && guest left "vif = ['bridge=br1']" && guest right "vif = ['bridge=br1']"
}
meets() {
	ask left 20 'ip addr add 192.0.4.1/24 dev eth0 && ip link set eth0 up' &&
		ask right 20 'ip addr add 192.0.4.2/24 dev eth0 && ip link set eth0 up && ping -c 3 -W 5 192.0.4.1'
}
transfers() {
	local sent got
	sent=$(ask left 30 'dd if=/dev/urandom of=/tmp/file bs=1M count=4 2>/dev/null; httpd -h /tmp; md5sum </tmp/file') &&
		got=$(ask right 60 'wget -q -O - http://192.0.4.1/file | md5sum') && echo "$sent / $got" && [ "$sent" = "$got" ]
}
outlives() { refhv destroy left && ask right 10 'echo still here' | grep 'still here'; }

claim two_guests_start prepare && claim both_come_up eval 'shell left 120 && shell right 60' && {
	claim they_ping_each_other meets && claim one_serves_the_other transfers
	claim the_end_of_one_does_not_touch_the_other outlives
}
