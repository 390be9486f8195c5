# Wrong input and wrong guests: one clear line, or a domain marked crashed with its reason; never a hang.

# Wants that `refhv create` fails with that exit status and one line that matches. NAME, STATUS, PATTERN, LINE...
refused() {
	local name=$1 status=$2 pattern=$3 rc line
	shift 3
	{
		echo "name = '$name'"
		for line; do echo "$line"; done
	} >"$name.cfg"
	refhv create -q "$name.cfg" >"$name.err" 2>&1
	rc=$?
	cat "$name.err"
	echo "exit status $rc, want $status"
	case $rc in $status) ;; *) return 1 ;; esac
	 [ "$(wc -l <"$name.err")" = 1 ] && grep -qiE "$pattern" "$name.err" && ! refhv domid "$name" 2>/dev/null
}
linux="kernel = '/images/vmlinuz'"

without_kvm() {
	mv /dev/kvm /dev/kvm.away
	refused nokvm 9 '/dev/kvm' "$linux" "memory = 128"
	local rc=$?
	mv /dev/kvm.away /dev/kvm
	return $rc
}
without_permission() {
	chmod 600 /dev/kvm && mkdir -p /tmp/nobody && chown 65534 /tmp/nobody &&
		printf "name = 'nobody'\n%s\nmemory = 128\n" "$linux" >/tmp/nobody/nobody.cfg
	su -s /bin/sh nobody -c 'REFHV_RUNDIR=/tmp/nobody/run refhv create -q /tmp/nobody/nobody.cfg' >nobody.err 2>&1
	rc=$?
	cat nobody.err
	echo "exit status $rc"
	[ $rc != 0 ] && [ "$(wc -l <nobody.err)" = 1 ] && grep -qi 'permission\|denied\|may not' nobody.err
}
# A guest of ours that goes wrong, kept to be looked at. WHAT, PATTERN of its reason.
crashes() {
	guest "$1" "kernel = '/images/misbehave.elf'" "type = 'pvh'" "memory = 32" "cmdline = '$1'" "on_crash = 'preserve'" || return 1
	within 20 eval "refhv list | grep -qE '^$1 .* -*c-* '"
	refhv list
	refhv info "$1" | grep -E '^crash' | tee -a /dev/fd/2 | grep -qiE "$2"
	local rc=$?
	refhv destroy "$1"
	return $rc
}
# It does not stop us from looking at it and ending it, nor another guest from living.
stays_under_control() {
	guest "$1" "kernel = '/images/misbehave.elf'" "type = 'pvh'" "memory = 32" "cmdline = '$1'" || return 1
	await "$1" 20 'misbehave' && sleep 2 && timeout 10 refhv info "$1" | grep -E 'state|hypercalls' && timeout 10 refhv pause "$1" &&
		timeout 10 refhv unpause "$1" && timeout 10 refhv destroy "$1" && ! refhv domid "$1"
}

claim no_dev_kvm_is_one_clear_error without_kvm
claim no_permission_is_one_clear_error without_permission
claim image_without_note_is_one_clear_error refused nonote 4 'note' "kernel = '/bin/busybox'" "type = 'pvh'" "memory = 64"
claim text_as_kernel_is_one_clear_error refused text 4 '.' "kernel = '/etc/passwd'" "type = 'pvh'" "memory = 64"
claim more_memory_than_the_host_has_is_one_clear_error refused memory '[3-9]' 'memory' "$linux" "memory = 4000000"
claim too_many_vcpus_are_one_clear_error refused vcpus 3 'vcpus' "$linux" "memory = 128" "vcpus = 4096"
claim triple_fault_is_a_crash_with_its_reason crashes triple 'triple'
claim hypercall_loop_stays_under_control stays_under_control hypercalls
claim broken_store_ring_stays_under_control stays_under_control store
claim broken_console_ring_stays_under_control stays_under_control console
