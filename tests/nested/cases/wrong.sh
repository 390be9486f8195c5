# Wrong input and wrong guests: one clear line, or a domain marked crashed with its reason; never a hang, and nothing is left behind.

# fails STATUS PATTERN COMMAND...: the exit status, and one line that matches; warnings apart.
fails() {
	local status=$1 pattern=$2 got
	shift 2
	"$@" >out 2>err
	got=$?
	cat out err
	echo "exit status $got, want $status"
	[ $got = "$status" ] && [ "$(grep -vc warning: err)" = 1 ] && grep -qiE "$pattern" err && ! refhv domid wrong 2>/dev/null
}
# A description: Debian's kernel and 256 MiB, unless a LINE says otherwise.
config() {
	local line
	printf '%s\n' "name = 'wrong'" "$@" >wrong.cfg
	for line in "kernel = '/images/vmlinuz'" "memory = 256"; do
		grep -q "^${line%% *} " wrong.cfg || echo "$line" >>wrong.cfg
	done
}
# refused STATUS PATTERN LINE...
refused() {
	local status=$1 pattern=$2
	shift 2
	config "$@" && fails "$status" "$pattern" refhv create -q wrong.cfg
}
no_permission() {
	grep -q "^user:" /etc/passwd || echo "user:x:1000:1000::/:/bin/sh" >>/etc/passwd
	config && chmod 600 /dev/kvm && chmod 755 / /images /work . && chmod 644 wrong.cfg && mkdir -p /tmp/user && chown 1000 /tmp/user &&
		REFHV_RUNDIR=/tmp/user/run fails 9 'permission.*group.*kvm' start-stop-daemon -S -q -c user -x /usr/local/bin/refhv -- create "$PWD/wrong.cfg"
}
inherited() {
	config && exec 9<>/dev/kvm && without_kvm env REFHV_KVM_FD=9 refhv create -p wrong.cfg && refhv destroy wrong &&
		fails 9 'REFHV_KVM_FD' env REFHV_KVM_FD=1 refhv create wrong.cfg
}
is_kept() { # a PVH domain is neither saved nor moved, and goes on
	config && refhv create wrong.cfg || return 1
	refhv save wrong image 2>err
	[ $? = 9 ] && grep -q 'cannot save or move' err && ! [ -e image ] && refhv info wrong | grep -E '^state *: (running|blocked)' &&
		refhv destroy wrong
}
explains() {
	config && refhv create -p wrong.cfg && refhv info wrong >out && cat out &&
		grep -E '^engine *: kvm' out && grep -E '^engine_why *: .*virtual CPU' out && refhv destroy wrong
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

config
claim no_dev_kvm_is_one_clear_error without_kvm fails 9 '/dev/kvm' refhv create wrong.cfg
claim no_permission_names_the_group no_permission
claim descriptor_of_kvm_can_be_inherited inherited
claim image_without_note_is_one_clear_error refused 4 'busybox.*note' "kernel = '/bin/busybox'" "engine = 'kvm'"
claim text_as_kernel_is_one_clear_error refused 4 'passwd' "kernel = '/etc/passwd'" "type = 'pvh'" "memory = 64"
claim user_engine_refuses_linux refused 4 'vmlinuz' "engine = 'user'"
claim more_memory_than_the_host_has_is_one_clear_error refused 5 'memory' "memory = 900000"
claim too_many_vcpus_are_one_clear_error refused 3 'vcpus' "vcpus = 4096"
claim save_is_refused_and_the_guest_goes_on is_kept
claim info_says_which_engine_and_why explains
claim triple_fault_is_a_crash_with_its_reason crashes triple 'triple'
claim hypercall_loop_stays_under_control stays_under_control hypercalls
claim broken_store_ring_stays_under_control stays_under_control store
claim broken_console_ring_stays_under_control stays_under_control console
