# nested.sh [boot] [disk] [net]: runs in L1, in the folder of cases.sh, these parts (all without one). One line per figure: NAME refhv QEMU
# ratio (of the better direction: above 1, refhv is ahead).
parts=${*:-boot disk net}
set --
. ./cases.sh
. ./nested_disk.sh
. ./nested_net.sh

wanted() { case " $parts " in *" $1 "*) ;; *) false ;; esac; }

now() { cut -d' ' -f1 /proc/uptime; }
# NAME, refhv's figure, QEMU's, and which is better: `less` or `more`.
figure() {
	echo "$1 $2 $3 $4" | awk '{ printf "%-34s refhv %10s   qemu %10s   ratio %.2f\n", $1, $2, $3, $4 == "less" ? $3 / $2 : $2 / $3 }'
}
per_second() { awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%.1f", n / (b - a) }'; }

machine() { # starts QEMU's machine with its console as qemu.log and qemu.in, like watch_console
	rm -f qemu.in
	mkfifo qemu.in
	: >qemu.log
	echo 1 >qemu.seen
	sleep 100000 >qemu.in &
	echo $! >>/tmp/holders
	qemu-system-x86_64 -M microvm,accel=kvm,rtc=off -cpu host -m 256 -nodefaults -no-user-config -no-reboot -display none \
		-L /usr/share/qemu -kernel /images/vmlinuz -initrd /images/guest-virtio -append 'console=ttyS0 quiet' -serial stdio \
		$(qemu_disks) \
		-global virtio-mmio.force-legacy=false -netdev tap,id=n,ifname=tap0,script=no,downscript=no -device virtio-net-device,netdev=n <qemu.in >qemu.log 2>&1 &
	echo $! >qemu.pid
}
started() { # NAME: seconds from `began` to userspace
	until grep -aq 'guest: userspace' "$1.log"; do
		usleep 50000
		[ "$(now | cut -d. -f1)" -lt $((${began%.*} + 120)) ] || { echo "$1 does not start"; tail -n 5 "$1.log"; exit 1; }
	done
	awk -v a="$began" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'
}
# NAME, NUMBER of units, COMMAND: units a second, by this machine's clock.
rate() {
	local a
	a=$(now)
	ask "$1" 200 "$3" >/dev/null || { echo 0.001; return; }
	per_second "$2" "$a" "$(now)"
}
exits() { refhv info --json pv | tr ',{}' '\n\n\n' | sed -n 's/^ *"\(hypercall\|pio\|send\|page\|msr\|other\)": *//p' | awk '{ n += $1 } END { print n }'; }

ip link add br0 type bridge && ip addr add 192.0.3.1/24 dev br0 && ip link set br0 up
tunctl -t tap0 >/dev/null
ip link set tap0 up
ip link set tap0 master br0 2>/dev/null || brctl addif br0 tap0
make_disks
mkdir -p www
dd if=/dev/urandom of=www/large bs=1M count=64 2>/dev/null
echo small >www/small
httpd -p 8000 -h www

rounds=1
! wanted boot || rounds=2
for round in $(seq $rounds); do
	began=$(now)
	guest pv "kernel = '/images/vmlinuz'" "ramdisk = '/images/guest'" "cmdline = 'console=hvc0 quiet $PV_CMDLINE'" "disk = [$(pv_disks)]" "vif = ['bridge=br0']" >/dev/null || exit 1
	pv_boot=$(started pv)
	[ $round != 1 ] || refhv info pv | grep -E '^(exits|hypercalls|trap)'
	began=$(now)
	machine
	qemu_boot=$(started qemu)
	! wanted boot || figure "boot_$round,_seconds" "$pv_boot" "$qemu_boot" less
	[ $round = $rounds ] || { refhv destroy pv; kill "$(cat qemu.pid)"; sleep 1; }
done
shell pv 30 && shell qemu 30 || exit 1
ask pv 20 'ip addr add 192.0.3.2/24 dev eth0 && ip link set eth0 up; ping -c 2 192.0.3.1 >/dev/null'
ask qemu 20 'ip addr add 192.0.3.3/24 dev eth0 && ip link set eth0 up; ping -c 2 192.0.3.1 >/dev/null'

# NAME, UNITS, COMMAND with DEV for the disk: the same in both, one after the other.
both() {
	local p q before after
	before=$(exits)
	p=$(rate pv "$2" "$(echo "$3" | sed s/DEV/xvda/g)")
	after=$(exits)
	q=$(rate qemu "$2" "$(echo "$3" | sed s/DEV/vda/g)")
	figure "$1" "$p" "$q" more
	echo "# exits of refhv per unit: $(awk -v n="$2" -v x=$((after - before)) 'BEGIN { printf "%.2f", x / n }')"
}
! wanted disk || disk_figures
if wanted net; then
	both fetch_64_MiB_by_HTTP,_MiB/s 64 'wget -q -O /dev/null http://192.0.3.1:8000/large'
	both fetches_of_6_bytes,_1/s 100 'for i in $(seq 100); do wget -q -O /dev/null http://192.0.3.1:8000/small; done'
	net_figures
fi
refhv destroy pv
kill "$(cat qemu.pid)"
