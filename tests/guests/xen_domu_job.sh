#!/bin/bash
# The guests as domU of real Xen: what xen_domu.py runs in dom0, as root, with its own folder as /job.
#
# There as well: hello.elf, conformance.elf, web.elf, site.tar, site.sums. Claims go to out/tap, the guests' consoles and what
# clients saw to out/. dom0 has xl, xenstored, xenconsoled and a bridge br0 at 10.0.0.1/24 with nothing else on it.
OUT=/job/out
exec 3>"$OUT/tap"

claim() { # claim NAME COMMAND...: one line of TAP, what the command printed below it when it failed
	local name=$1 said; shift
	if said=$("$@" 2>&1); then echo "ok - $name" >&3; else
		echo "not ok - $name" >&3; echo "${said:-$* failed}" | tail -n 12 | sed 's/^/# /' >&3
	fi
}
note() { echo "# $*" >&3; echo "$*"; }

console() { tr -d '\r' < "/var/log/xen/console/guest-$1.log"; }
shows() { console "$1" 2>/dev/null | grep -q -- "$2"; }
await() { # await SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1)); shift
	until "$@"; do [ $SECONDS -lt $end ] || { echo "not within its time: $*"; return 1; }; sleep 0.2; done
}
gone() { ! xl domid "$1" >/dev/null 2>&1; }
start() { # start NAME MODE LINE...: a domain of image /job/IMAGE.elf, NAME being IMAGE-MODE
	local name=$1; shift
	printf '%s\n' "name = \"$name\"" "type = \"$1\"" "kernel = \"/job/${name%%-*}.elf\"" 'on_crash = "destroy"' \
		"${@:2}" > "/tmp/$name.cfg"
	xl create -q "/tmp/$name.cfg"
}
type_in() { printf '%s' "$2" > "$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty")"; }
keep() { console "$1" > "$OUT/console-$1.txt"; xl destroy "$1" 2>/dev/null; }

hello() { # hello MODE WORDS
	local name=hello-$1
	claim "hello_starts_as_$1" start "$name" "$1" 'memory = 32' 'vcpus = 2' 'extra = "one two"'
	claim "hello_as_$1_shows_its_mode" await 20 shows "$name" "hello from $2"
	claim "hello_as_$1_shows_memory_and_command_line" await 20 shows "$name" 'command line: "one two"'
	claim "hello_as_$1_shows_its_xenstore" await 20 shows "$name" 'type lines'
	type_in "$name" $'a line\n'
	claim "hello_as_$1_reads_its_console" await 20 shows "$name" 'you said: a line'
	claim "hello_as_$1_obeys_xl_reboot" reboots "$name"
	claim "hello_as_$1_obeys_xl_shutdown" shuts_down "$name"
	keep "$name"
}
reboots() {
	local old; old=$(xl domid "$1")
	xl reboot "$1" && await 20 another "$1" "$old" && await 20 shows "$1" 'goodbye'
}
another() { local now; now=$(xl domid "$1" 2>/dev/null) && [ "$now" != "$2" ]; }
shuts_down() { xl shutdown "$1" && await 20 gone "$1" && shows "$1" goodbye; }

conformance() { # conformance MODE
	local name=conformance-$1
	claim "conformance_starts_as_$1" start "$name" "$1" 'memory = 64' 'vcpus = 3'
	claim "conformance_as_$1_ends_by_itself" await 200 gone "$name"
	keep "$name"
	claim "conformance_as_$1_passes" passed "$OUT/console-$name.txt"
	note "$1: $(grep -c '^ok' "$OUT/console-$name.txt") of $(sed -n 's/^1\.\.//p' "$OUT/console-$name.txt") ok," \
		"of these $(grep -c '^ok.*# SKIP' "$OUT/console-$name.txt") skipped"
}
passed() { # the whole plan, and nothing but ok
	local plan; plan=$(sed -n 's/^1\.\.//p' "$1")
	[ -n "$plan" ] && [ "$(grep -c '^ok ' "$1")" = "$plan" ] && ! grep -A1 '^not ok' "$1"
}

fetch() { # fetch ADDRESS FILE...: by one client over one connection, checked
	local a=$1 f; shift
	for f; do curl -sS -f -m 120 "http://$a/$f" | sha256sum | sed "s|-|$f|" | grep -F -x -f /job/site.sums || return 1; done
}
at_once() { # at_once ADDRESS N: N clients of the middle file
	local i pid=()
	for i in $(seq "$2"); do fetch "$1" middle.bin & pid+=($!); done
	for i in "${pid[@]}"; do wait "$i" || return 1; done
}
mail() { # mail ADDRESS DOMAIN: a message of many lines, so that frames of full length come in
	{ printf 'From: dom0@example.org\nSubject: a letter\n\n'; for i in $(seq 200); do
		printf 'line %03d of the letter, long enough for the whole to need several frames\n' "$i"; done; } > /tmp/mail
	curl -sS -m 60 "smtp://$1" --mail-from dom0@example.org --mail-rcpt guest@example.org --crlf -T /tmp/mail &&
		await 20 shows "$2" 'line 200 of the letter' &&
		[ "$(console "$2" | grep -c 'line [0-9]* of the letter')" = 200 ]
}
paused() { # paused ADDRESS DOMAIN: a download outlives a pause
	local d rc
	fetch "$1" large.bin & d=$!
	sleep 0.5; xl pause "$2" && sleep 1 && xl unpause "$2"; rc=$?
	wait $d && return $rc
}
detaches() { # the card goes at the toolstack's word, and its backend with it
	local id; id=$(xl domid "$1")
	xl network-detach "$1" 0 && await 10 no_backend "$id" && ! ping -q -c 1 -W 2 "$2"
}
no_backend() { ! xenstore-exists "/local/domain/0/backend/vif/$1/0"; }
web() { # web MODE DISK EXTRA ADDRESS MTU: a guest is told the MTU of its bridge
	local name=web-$1 a=$4 mtu=$5
	ip link set br0 mtu "$mtu"
	claim "web_starts_as_$1" start "$name" "$1" 'memory = 64' "disk = [ \"$2\" ]" "extra = \"$3\"" \
		'vif = [ "mac=00:16:3e:00:00:02,bridge=br0" ]'
	claim "web_as_$1_is_told_its_mtu" await 20 shows "$name" "MTU $mtu"
	claim "web_as_$1_has_an_address" await 30 shows "$name" "serving on http://$a"
	xenstore-ls -f > "$OUT/xenstore-$name.txt"
	claim "web_as_$1_answers_ping" ping -q -c 5 -i 0.2 -W 5 "$a"
	claim "web_as_$1_answers_the_longest_ping" ping -q -c 3 -i 0.2 -W 5 -M "do" -s $((mtu - 28)) "$a"
	claim "web_as_$1_serves_a_page" fetch "$a" index.html
	claim "web_as_$1_serves_a_large_file" fetch "$a" large.bin
	claim "web_as_$1_serves_many_at_once" at_once "$a" 8
	claim "web_as_$1_takes_mail" mail "$a" "$name"
	claim "web_as_$1_goes_on_after_a_pause" paused "$a" "$name"
	curl -sS -m 20 "http://$a/status" > "$OUT/status-$name.json"
	note "$1: $(cat "$OUT/status-$name.json")"
	note "$1: large.bin at $(curl -sS -m 60 -o /dev/null -w '%{speed_download}' "http://$a/large.bin") bytes/s"
	ip -s link show type bridge_slave > "$OUT/vif-$name.txt"
	claim "web_as_$1_lets_its_card_go" detaches "$name" "$a"
	claim "web_as_$1_obeys_xl_shutdown" shuts_down "$name"
	keep "$name"
}

leases() { # addresses for whoever asks on br0
	: > /tmp/leases
	printf '%s\n' 'interface br0' 'start 10.0.0.50' 'end 10.0.0.50' 'option subnet 255.255.255.0' \
		'option router 10.0.0.1' 'lease_file /tmp/leases' > /tmp/udhcpd.conf
	busybox udhcpd -f /tmp/udhcpd.conf &
}

cp /job/site.tar /tmp/
leases
hello pvh 'a PVH guest'
hello pv 'a classic PV guest'
web pvh '/tmp/site.tar,raw,xvda,ro' '' 10.0.0.50 1500
web pv "phy:$(losetup -f --show -r /tmp/site.tar),xvda,r" 'ip=10.0.0.2/24,10.0.0.1' 10.0.0.2 9000
conformance pvh
conformance pv
note "end"
