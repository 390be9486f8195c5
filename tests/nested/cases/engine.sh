# The unit test of the kvm engine, which most machines that build it can only skip: each of its claims is one here.

/tests/unit-kvm-guest >engine.tap 2>engine.err
status=$?
sed -nE 's/^(ok|not ok) [0-9]+ - .*:kvm-guest:([a-z0-9_]+): (.*)$/\1 \2 \3/; s/^(ok .*) Passed$/\1/p; s/^(not ok [^ ]+) (.*)$/\1\n# \2/p' engine.tap
sed 's/^/# /' engine.err
claim the_whole_engine_test_was_run eval '[ $status = "$(grep -c "^not ok" engine.tap)" ] && grep -q "^1\.\.$(grep -cE "^(not )?ok" engine.tap)$" engine.tap'
