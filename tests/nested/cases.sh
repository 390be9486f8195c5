# What the cases use. Runs in L1: `sh /cases/cases.sh CASE...` runs each file /cases/CASE.sh in a shell and a folder of its own.
#
#   guest NAME LINE...            describes a domain (the small guest with 256 MiB, unless LINE says otherwise) and starts it
#   await NAME SECONDS PATTERN    waits until the console shows a line with PATTERN (grep -E) after what was last awaited
#   tell NAME TEXT                types a line at the console
#   shell NAME                    waits for the prompt, then makes the shell a quiet one for `ask`
#   ask NAME SECONDS COMMAND      runs COMMAND in the guest: prints its output, returns its status
#   gone NAME SECONDS             waits until the domain is no more
#   rebooted NAME                 waits until the guest has ended, and joins the console of the next
#   reboot_from_inside NAME       the same, after the guest was told to
#   within SECONDS COMMAND...     tries COMMAND until it succeeds
#   without_kvm COMMAND...        runs COMMAND while there is no /dev/kvm
#   claim NAME COMMAND...         one result: "ok NAME", or "not ok NAME" and what the consoles showed
#
# Every line that starts with "ok ", "not ok ", "# ", "begin " or "end " is read by the suite.

# Waits are written down in seconds of a machine with nothing else to do, and last so many times longer before they are given up.
PATIENCE=3

await() {
	local n=$(($2 * 5 * PATIENCE)) seen more
	seen=$(cat "$1.seen") || return 1
	# The next wait begins behind the line that matched.
	until more=$(tail -c +"$seen" "$1.log" | awk -v re="$3" '{ n += length($0) + 1 } $0 ~ re { print n; exit }'); [ -n "$more" ]; do
		n=$((n - 1))
		[ $n -gt 0 ] || { echo "$1: no '$3' within $2 s"; return 1; }
		usleep 200000
	done
	echo $((seen + more)) >"$1.seen"
}

guest() {
	local name=$1 line
	shift
	{
		echo "name = '$name'"
		case " $*" in
		*" kernel ="*) ;;
		*) printf '%s\n' "kernel = '/images/vmlinuz'" "ramdisk = '/images/guest'" "cmdline = 'console=hvc0 quiet'" ;;
		esac
		case " $*" in *" memory ="*) ;; *) echo "memory = 256" ;; esac
		for line; do echo "$line"; done
	} >"$name.cfg"
	refhv create -p "$name.cfg" || return 1
	watch_console "$name" && refhv unpause "$name"
}

# Joins the console with NAME.log and NAME.in, and keeps the latter open.
watch_console() {
	rm -f "$1.in"
	mkfifo "$1.in"
	: >"$1.log"
	echo 1 >"$1.seen"
	sleep 100000 >"$1.in" &
	echo $! >>/tmp/holders
	refhv console "$1" <"$1.in" >"$1.log" 2>&1 &
	echo $! >"$1.console"
}

tell() { printf '%s\n' "$2" >"$1.in"; }

shell() {
	await "$1" "${2:-60}" 'guest# ' || return 1
	tell "$1" 'stty -echo; echo qui""et; sh /dev/tty'
	await "$1" 20 '^quiet'
}

ask() {
	local from asked
	from=$(cat "$1.seen")
	asked=$from # unique: each answer moves it on
	tell "$1" "{ $3
}; echo \"<end $asked \$?>\""
	await "$1" "$2" "<end $asked [0-9]+>" || return 125
	tail -c +"$from" "$1.log" | tr -d '\r' | awk -v end="<end $asked " '{
		i = index($0, end)
		if (i != 1)
			print i ? substr($0, 1, i - 1) : $0
		if (i)
			exit substr($0, i + length(end)) + 0
	}'
}

within() {
	local n=$(($1 * 5 * PATIENCE))
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || return 1
		usleep 200000
	done
}

gone() { within "$2" sh -c "! refhv domid $1"; }

rebooted() {
	within 60 eval "! kill -0 $(cat "$1.console")" || { echo "$1: its console did not end"; return 1; }
	within 20 refhv domid "$1" && watch_console "$1" || return 1
	# The console may begin with what the guest before it said.
	sleep 1
	! grep -aq 'reboot: Restarting system' "$1.log" || await "$1" 20 'reboot: Restarting system'
}

reboot_from_inside() { tell "$1" reboot && rebooted "$1"; }

# What a machine without it says.
without_kvm() {
	local rc
	mv /dev/kvm /dev/hidden
	"$@"
	rc=$?
	mv /dev/hidden /dev/kvm
	return $rc
}

claim() {
	local name=$1 log
	shift
	if "$@" >claim.out 2>&1; then
		echo "ok $name"
		return 0
	fi
	echo "not ok $name"
	sed 's/^/# /' claim.out | tail -n 20
	for log in *.log; do
		[ -s "$log" ] && tail -n 12 "$log" | tr -d '\r' | sed "s/^/# $log: /"
	done
	return 1
}

for case; do
	echo "begin $case"
	mkdir -p "/work/$case"
	(cd "/work/$case" && . "/cases/$case.sh")
	for d in $(refhv list 2>/dev/null | awk 'NR > 1 { print $1 }'); do refhv destroy "$d"; done
	[ ! -e /tmp/holders ] || { kill $(cat /tmp/holders); rm /tmp/holders; }
	echo "end $case"
done
