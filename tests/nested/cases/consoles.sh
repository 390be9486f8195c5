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
no_third() { ! timeout 5 refhv console -n 2 consoles </dev/null 2>err && [ -s err ]; }

claim starts_with_two_consoles guest consoles "consoles = 2" && claim comes_up_with_two_consoles shell consoles 90 && {
	claim guest_prints_on_the_second says
	claim second_console_has_a_log is_logged
	claim guest_hears_the_second hears
	claim there_is_no_third no_third
}
