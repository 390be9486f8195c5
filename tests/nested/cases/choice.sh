# Which engine an image gets that can be both: measured where there is one CPU, never without KVM, and as the configuration says.

config() { printf '%s\n' "name = 'choice'" "kernel = '/images/hello.elf'" "memory = 32" "$@" >choice.cfg; }
# engine PATTERN PATTERN: which, and why.
engine() {
	refhv create -p choice.cfg && refhv info choice >out && refhv destroy choice && cat out && grep -E "^engine *: $1" out && grep -E "^engine_why *: .*$2" out
}
measures() {
	case $(nproc) in
	1) config && engine '(user|kvm)' 'both ways; on one CPU, leaving a virtual CPU \([0-9.]+ us\) costs' ;;
	*) config && engine user 'both ways; with more than one CPU' ;;
	esac
}
does_without() { config && without_kvm engine user 'both ways; there is no /dev/kvm'; }
remembers() {
	[ "$(nproc)" = 1 ] || return 0
	local first
	first=$(sed -n 's/.*leaving a virtual CPU (\([0-9.]* us\)).*/\1/p' out)
	config && engine '(user|kvm)' "leaving a virtual CPU \($first\)" && [ -s /run/refhv/.kvm-speed ] && echo rubbish >/run/refhv/.kvm-speed && measures
}
# As if the measurement had come to the speed of an emulator.
suspects() {
	echo "$(cat /proc/sys/kernel/random/boot_id) 20000 2000000" >/run/refhv/.kvm-speed
	[ "$(nproc)" != 1 ] || { config && engine user 'both ways; .*an emulator in software: 2.0 million'; } || return 1
	printf '%s\n' "name = 'choice'" "kernel = '/images/vmlinuz'" "memory = 256" >choice.cfg
	engine kvm 'virtual CPU; .*an emulator in software: 2.0 million' 2>err && cat err && [ "$(wc -l <err)" = 1 ] &&
		grep 'choice: warning: .*an emulator in software' err && grep 'an emulator in software' /run/refhv/.log/choice.refhv.log
	set -- $?
	rm /run/refhv/.kvm-speed
	return "$1"
}
obeys() {
	config "engine = 'kvm'" && engine kvm 'the configuration says so' && config "engine = 'user'" && engine user 'the configuration says so'
}
wants_more_vcpus() { config "maxvcpus = 65" && engine kvm 'both ways; .*more vCPUs'; }

claim image_for_both_engines_is_measured measures
sed -n 's/^engine_why *: /# /p' claim.out | head -n 1
claim what_was_measured_is_not_measured_again remembers
claim emulated_kvm_loses_and_is_a_warning_where_it_is_needed suspects
claim image_for_both_engines_does_without_kvm does_without
claim engine_of_the_configuration_is_taken obeys
claim image_for_both_engines_gets_kvm_for_what_only_that_has wants_more_vcpus
