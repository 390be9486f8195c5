# What is done to a running guest from outside: pause, balloon, devices that come and go, reboot.

stands_still() {
	refhv pause manage && tell manage 'echo "I ""run"' && ! await manage 3 'I run' && refhv list | grep -E 'manage .* -*p'
}
goes_on() { refhv unpause manage && await manage 10 'I run'; }
total() { ask manage 10 "awk '/MemTotal/ { print int(\$2 / 1024) }' /proc/meminfo"; }
shrinks() {
	before=$(total) && refhv mem-set manage 160 && within 20 eval '[ $(total) -lt $((before - 80)) ]'
	echo "MemTotal $before, then $(total) MiB"
	refhv list && [ "$(total)" -lt $((before - 80)) ]
}
grows() {
	refhv mem-set manage 256 && within 20 eval '[ $(total) -ge $before ]'
	echo "MemTotal $(total) MiB, $before at first"
	[ "$(total)" -ge "$before" ]
}
gets_a_disk() {
	truncate -s 16M extra.img && refhv block-attach manage extra.img,raw,xvdb,rw &&
		ask manage 20 'n=0; until [ -b /dev/xvdb ] || [ $n = 20 ]; do sleep 1; n=$((n + 1)); done
		echo hotplugged | dd of=/dev/xvdb bs=512 conv=sync,fsync' && head -c 10 extra.img | grep hotplugged
}
# The guest takes it away after it has let go of it.
vanishes() { ask manage 20 "n=0; while [ -e $1 ] && [ \$n -lt 10 ]; do sleep 1; n=\$((n + 1)); done; ! [ -e $1 ]"; }
loses_the_disk() { refhv block-detach manage xvdb && vanishes /dev/xvdb; }
gets_a_card() {
	refhv network-attach manage net=user && ask manage 50 'n=0; until [ -e /sys/class/net/eth0 ] || [ $n = 20 ]; do sleep 1; n=$((n + 1)); done
		ip link set eth0 up && udhcpc -i eth0 -s /etc/lease -n -q -t 8 && ping -c 2 -W 5 10.0.2.2'
}
loses_the_card() { refhv network-detach manage 0 && vanishes /sys/class/net/eth0; }
is_small() { # what the process holds beyond the guest's memory, which is a shared mapping
	local kib
	kib=$(awk '/^(RssAnon|RssFile)/ { n += $2 } END { print n }' "/proc/$(refhv info manage --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | head -n 1)/status")
	echo "$kib KiB"
	[ "$kib" -gt 100 ] && [ "$kib" -lt 10240 ]
}
is_rebooted() { refhv reboot manage && rebooted manage && shell manage 90; }

# Debian's kernel says what it makes of an NMI that nobody claims; and the reset button, behind its back.
gets_an_nmi() { refhv trigger manage nmi 0 && within 20 eval 'ask manage 10 dmesg | grep "NMI received for unknown reason"' && ask manage 10 true; }
is_reset() {
	refhv trigger manage reset && within 60 eval "! kill -0 $(cat manage.console)" && within 20 refhv domid manage && watch_console manage &&
		shell manage 90 && ! grep -q 'Restarting system' manage.log
}

claim starts_for_management guest manage "maxmem = 256"
claim comes_up_for_management shell manage 90 && {
	claim pause_stops_the_guest stands_still
	claim unpause_lets_it_go_on goes_on
	claim balloon_takes_memory shrinks && claim balloon_gives_it_back grows
	claim disk_is_attached gets_a_disk && claim disk_is_detached loses_the_disk
	claim card_is_attached gets_a_card && claim card_is_detached loses_the_card
	claim nmi_is_received gets_an_nmi
	claim domain_process_is_under_10_mib is_small
	claim refhv_reboots_the_guest is_rebooted
	claim reset_is_not_asked_about is_reset
}
