# Virtual CPUs that come and go.

has() { [ "$(ask vcpus 10 nproc)" = "$1" ]; }
starts_with_one() { guest vcpus "vcpus = 1" "maxvcpus = 2" && shell vcpus 90 && within 20 has 1; }
# As on Xen, the tables enable only those that are online; Linux makes room for the others.
sees_room_for_another() { ask vcpus 10 'dmesg' | grep 'Allowing 2 CPUs, 1 hotplug'; }
# Linux makes a vCPU present; to use it is the business of the guest's own rules.
comes() {
	refhv vcpu-set vcpus 2 && ask vcpus 30 'c=/sys/devices/system/cpu/cpu1/online; n=0
		until echo 1 >$c || [ $n = 20 ]; do sleep 1; n=$((n + 1)); done 2>/dev/null' && within 20 has 2 &&
		refhv vcpu-set -w --timeout 20 vcpus 2
}
goes_to() { refhv vcpu-set -w --timeout 40 vcpus "$1" && within 20 has "$1" && refhv info vcpus | grep -E "vcpus_up *: $1"; }
both_work() { ask vcpus 20 'taskset 1 true && taskset 2 true'; }
is_refused() { ! refhv vcpu-set vcpus 3 2>err && grep -q '1 to 2 vCPUs' err && ! refhv vcpu-set vcpus 0 2>err; }
has_eight() { guest eight "vcpus = 8" && shell eight 180 && [ "$(ask eight 10 nproc)" = 8 ]; }
# Each of them writes a number; and takes interrupts of its own, for time passes on it.
all_eight_work() {
	ask eight 60 'for c in 0 1 2 3 4 5 6 7; do taskset $(printf %x $((1 << c))) sh -c "sleep 0.1; echo $c >/tmp/$c" & done; wait; cat /tmp/[0-7]' |
		tr -d '\n' | grep -x 01234567
}

claim starts_with_fewer_vcpus_than_it_may_have starts_with_one && {
	claim second_vcpu_is_one_to_be_plugged_in sees_room_for_another
	claim second_vcpu_comes comes && claim both_vcpus_work both_work
	claim second_vcpu_goes goes_to 1
	claim second_vcpu_comes_again comes && claim both_vcpus_work_again both_work
	claim more_vcpus_than_there_can_be_are_refused is_refused
}
refhv destroy vcpus
claim eight_vcpus_come_up has_eight && claim each_of_eight_vcpus_works all_eight_work
