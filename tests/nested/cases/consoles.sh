# Several consoles: what the guest calls hvc1 is console 1.

says() { # joins console 1 while the guest writes to it
	(sleep 12) | timeout 12 refhv console -n 1 consoles >second.out 2>&1 &
	sleep 1
	ask consoles 10 'echo "from the second" >/dev/hvc1'
	within 8 grep -q 'from the second' second.out
}
hears() {
	ask consoles 10 '(head -n 1 /dev/hvc1 >/tmp/heard) & sleep 1'
	(echo "to the second"; sleep 4) | timeout 5 refhv console -n 1 consoles >/dev/null 2>&1
	within 8 heard
}
heard() { ask consoles 5 'cat /tmp/heard' | grep -q 'to the second'; }
is_logged() { grep -q 'from the second' "$(refhv_log console1)"; }
refhv_log() { echo /run/refhv/.log/consoles."$1".log; }
no_fifth() { ! timeout 5 refhv console -n 4 consoles </dev/null 2>err && [ -s err ]; }

# Two channels come after the consoles: a socket is hvc2, a terminal hvc3. A socket in the domain's folder is one that refhv can join.
channels="channel = [ 'name=org.example.agent,connection=socket,path=agent.sock', 'name=tty,connection=pty' ]"
tells_their_names() { ask consoles 10 'cat /sys/bus/xen/devices/console-*/nodename' && refhv channel-list consoles | tee list && grep -q '^2 .* socket .*org.example.agent.*/agent.sock' list; }
socket_says() {
	ln -s "$PWD/agent.sock" /run/refhv/consoles/console2.sock
	(sleep 10) | timeout 10 refhv console -n 2 consoles >third.out 2>&1 &
	sleep 1
	ask consoles 10 'stty raw -echo </dev/hvc2; echo "from the agent" >/dev/hvc2'
	within 8 grep -q 'from the agent' third.out
}
socket_hears() {
	ask consoles 10 'rm -f /tmp/heard; (head -n 1 /dev/hvc2 >/tmp/heard) & sleep 1'
	(echo "to the agent"; sleep 4) | timeout 5 refhv console -n 2 consoles >/dev/null 2>&1
	within 8 eval 'ask consoles 5 "cat /tmp/heard" | grep -q "to the agent"'
}
terminal() { refhv channel-list consoles | awk '$1 == 3 { print $NF }'; }
terminal_works() {
	ask consoles 10 'stty raw -echo </dev/hvc3; echo "kept for a reader" >/dev/hvc3; rm -f /tmp/heard; (head -n 1 /dev/hvc3 >/tmp/heard) & sleep 1'
	timeout 5 head -n 1 "$(terminal)" | grep 'kept for a reader' || return 1
	echo "to the terminal" >"$(terminal)"
	within 8 eval 'ask consoles 5 "cat /tmp/heard" | grep -q "to the terminal"'
}
is_gone_with_the_domain() { [ -S agent.sock ] && refhv destroy consoles && ! [ -e agent.sock ]; }

claim starts_with_two_consoles guest consoles "consoles = 2" "$channels" && claim comes_up_with_two_consoles shell consoles 90 && {
	claim guest_prints_on_the_second says
	claim second_console_has_a_log is_logged
	claim guest_hears_the_second hears
	claim there_is_no_fifth no_fifth
	claim channels_have_names tells_their_names
	claim guest_prints_on_a_channel_with_a_socket socket_says
	claim guest_hears_a_channel_with_a_socket socket_hears
	claim channel_with_a_terminal_works_both_ways terminal_works
	claim socket_of_a_channel_goes_with_the_domain is_gone_with_the_domain
}
