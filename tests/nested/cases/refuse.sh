# What cannot be done is said in one clear line with its exit code, and nothing is left behind.

# fails CODE PATTERN COMMAND...
fails() {
	local code=$1 pattern=$2 got
	shift 2
	"$@" >out 2>err
	got=$?
	cat out err
	[ $got = "$code" ] && [ "$(grep -vc warning: err)" = 1 ] && grep -qE "$pattern" err && ! refhv domid refuse 2>/dev/null
}
config() {
	local line
	printf '%s\n' "name = 'refuse'" "$@" >refuse.cfg
	for line in "kernel = '/images/vmlinuz'" "memory = 256"; do
		grep -q "^${line%% *} " refuse.cfg || echo "$line" >>refuse.cfg
	done
}
without_kvm() {
	local rc
	mv /dev/kvm /dev/hidden
	"$@"
	rc=$?
	mv /dev/hidden /dev/kvm
	return $rc
}
no_device() { config && without_kvm fails 9 '/dev/kvm' refhv create refuse.cfg; }
no_permission() {
	grep -q "^user:" /etc/passwd 2>/dev/null || echo "user:x:1000:1000::/:/bin/sh" >>/etc/passwd
	config && chmod 755 / /images /work . && chmod 644 refuse.cfg && mkdir -p /tmp/user && chown 1000 /tmp/user &&
		REFHV_RUNDIR=/tmp/user/run fails 9 'permission.*group.*kvm' start-stop-daemon -S -q -c user -x /usr/local/bin/refhv -- create "$PWD/refuse.cfg"
}
inherited() {
	config "memory = 256" && exec 9<>/dev/kvm && without_kvm env REFHV_KVM_FD=9 refhv create -p refuse.cfg && refhv destroy refuse &&
		fails 9 'REFHV_KVM_FD' env REFHV_KVM_FD=1 refhv create refuse.cfg
}
too_much_memory() { config "memory = 900000" && fails 5 'memory' refhv create refuse.cfg; }
no_note() { config "kernel = '/bin/busybox'" "engine = 'kvm'" && fails 4 'busybox.*PVH' refhv create refuse.cfg; }
no_user() { config "engine = 'user'" && fails 4 'vmlinuz' refhv create refuse.cfg; }
is_kept() { # a PVH domain is neither saved nor moved, and goes on
	config && refhv create refuse.cfg || return 1
	refhv save refuse image 2>err
	[ $? = 9 ] && grep -q 'cannot save or move' err && ! [ -e image ] && refhv info refuse | grep -E '^state *: (running|blocked)' &&
		refhv destroy refuse
}
explains() {
	config && refhv create -p refuse.cfg && refhv info refuse >out && cat out &&
		grep -E '^engine *: kvm' out && grep -E '^engine_why *: .*virtual CPU' out && refhv destroy refuse
}

claim no_dev_kvm_is_an_engine_error no_device
claim no_permission_names_the_group no_permission
claim descriptor_of_kvm_can_be_inherited inherited
claim more_memory_than_the_machine_has_is_refused too_much_memory
claim image_without_pvh_note_is_refused no_note
claim user_engine_refuses_linux no_user
claim save_is_refused_and_the_guest_goes_on is_kept
claim info_says_which_engine_and_why explains
