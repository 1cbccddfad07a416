#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What each capability is for, as the table of libegret(3) has it: a user that is not root, with exactly
# these six, profiles the whole system as root does; without one of them just what the table says is lost.
. "$(dirname "$0")/lib.sh"
need_root
need "$(command -v setpriv)" "setpriv is not installed"
need "$workloads/jit"
need "$tools/session_given"
unshare --mount true 2>/dev/null || skip "no mount namespaces here"
nobody=65534
all='bpf perfmon sys_ptrace dac_read_search syslog checkpoint_restore'

# ---- processes of root ---------------------------------------------------------------------------

chmod 711 "$tmp"
mkdir "$tmp/mnt"
cp "$egret" "$tmp/egret"
# Each with a build-id of its own: of files that share one, all is known once one of them is read.
for name in plain_busy secret_busy deleted_busy other_busy; do
	cp "$workloads/busy" "$tmp/$name"
	python3 - "$tmp/$name" "$(readelf -n "$workloads/busy" | awk '/Build ID/ { print $3 }')" <<-'END' || fail "no build-id for $name"
		import os, sys
		with open(sys.argv[1], "rb") as file:
		    program = file.read()
		before = bytes.fromhex(sys.argv[2])
		assert before and program.count(before) == 1
		with open(sys.argv[1], "wb") as file:
		    file.write(program.replace(before, os.urandom(len(before))))
	END
	chmod 755 "$tmp/$name"
done
cp "$workloads/jit" "$tmp/jit"
chmod 700 "$tmp/secret_busy" # only its owner may read it
started=()
start() { # COMMAND...
	"$@" >/dev/null 2>&1 &
	started+=("$!")
}
start "$tmp/plain_busy" 1 120000
start "$tmp/secret_busy" 1 120000
start "$tmp/deleted_busy" 1 120000
start "$tmp/jit" 120000
start unshare --mount sh -c "mount -t tmpfs none '$tmp/mnt' && cp '$tmp/other_busy' '$tmp/mnt/other_busy' &&
	exec '$tmp/mnt/other_busy' 1 120000"
start dd if=/dev/zero of=/dev/null bs=64k # whose time is the kernel's
at_end+=("kill ${started[*]} 2>/dev/null")
sleep 0.3
rm "$tmp/deleted_busy"

as_nobody() { # CAPABILITIES COMMAND...
	local list

	list=+$(sed 's/ *$//; s/ /,+/g' <<<"$1")
	shift
	setpriv --reuid=$nobody --regid=$nobody --clear-groups --inh-caps="$list" --ambient-caps="$list" "$@"
}

# profile CAPABILITIES: the whole system for a moment, in $tmp/folded and $tmp/why.
profile() {
	rm -rf "$tmp/out"
	install -d -o $nobody "$tmp/out"
	as_nobody "$1" "$tmp/egret" record -q --no-cache --stats -a -d 0.8 -F 997 -o "$tmp/out/data" \
		>/dev/null 2>"$tmp/stats" || return
	"$egret" export --format=folded -i "$tmp/out/data" >"$tmp/folded"
	"$egret" report --why -i "$tmp/out/data" >"$tmp/why"
}

# What has its names: "plain secret deleted other jit kernel", those that have.
named() {
	local name of lines=()

	for name in plain secret deleted other; do
		of=$(samples_of "^${name}_busy;") lines+=("$name:$of")
		check "samples of ${name}_busy" "$of" '>=' 20
		[ "$(samples_of "^${name}_busy;.*;busy(;.*)? ")" -ge $((of * 9 / 10)) ] && echo "$name"
	done
	[ "$(samples_of '^jit;.*;jit_work_\[j\]')" -ge 20 ] && echo jit
	[ "$(samples_of '^dd;.*;(do_syscall_64|ksys_read|vfs_read)_\[k\]')" -ge 20 ] && echo kernel
	return 0
}

# without CAPABILITY LOST...: all but these have their names.
without() {
	local have want

	profile "$(tr ' ' '\n' <<<"$all" | grep -vx "$1" | tr '\n' ' ')" || fail "without $1: $(head -n 1 "$tmp/stats")"
	have=$(named | tr '\n' ' ')
	want=$(tr ' ' '\n' <<<'plain secret deleted other jit kernel' | grep -vxF "$(tr ' ' '\n' <<<"$2")" | tr '\n' ' ')
	echo "without $1: names of $have"
	[ "$have" = "$want" ] || fail "without $1 there are names of '$have', not '$want': $(tail -n +2 "$tmp/why" | head -n 8)"
}

profile "$all" || fail "with all: $(head -n 1 "$tmp/stats")"
have=$(named | tr '\n' ' ')
[ "$have" = 'plain secret deleted other jit kernel ' ] || fail "with all six there are names of '$have' only: $(cat "$tmp/why")"
check_identity "as nobody"
check "frames whose file may not be read" "$(grep -c 'file-not-readable  ' "$tmp/why")" == 0
check "kernel functions that are hidden" "$(grep -c 'kptr-restrict  ' "$tmp/why")" == 0

without sys_ptrace 'deleted other jit'
without dac_read_search 'secret deleted'
without checkpoint_restore 'deleted'
if [ "$(cat /proc/sys/kernel/kptr_restrict)" -le 1 ]; then
	without syslog 'kernel'
fi
for needed in bpf perfmon; do
	profile "$(tr ' ' '\n' <<<"$all" | grep -vx $needed | tr '\n' ' ')" && fail "it records without $needed"
	grep -q "^egret: not allowed .*CAP_${needed^^}" "$tmp/stats" || fail "without $needed: $(head -n 1 "$tmp/stats")"
done

# given BACKEND NAMES: on what root has opened, without any: what anybody may read, and the kernel.
cp "$tools/session_given" "$tmp/given"
given() {
	local have

	rm -rf "$tmp/out" "$tmp/socket"
	install -d -o $nobody "$tmp/out"
	: >"$tmp/served"
	"$tmp/given" serve "$tmp/socket" "$1" cpu-clock >"$tmp/served" &
	until grep -q ready "$tmp/served" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
	setpriv --reuid=$nobody --regid=$nobody --clear-groups --inh-caps=-all --bounding-set=-all \
		"$tmp/given" receive "$tmp/socket" 1500 "$tmp/out/data" >/dev/null 2>"$tmp/stats" ||
		fail "given descriptors of $1: $(cat "$tmp/stats")"
	"$egret" export --format=folded -i "$tmp/out/data" >"$tmp/folded"
	have=$(named | tr '\n' ' ')
	echo "given descriptors of $1: names of $have"
	[ "$have" = "$2" ] || fail "given descriptors of $1 there are names of '$have', not '$2'"
}
"$egret" record -q --capture=task-work -o "$tmp/data" -- true 2>/dev/null && given task-work 'plain kernel '
given inline 'kernel '

# The doctor says of each whether it is held, and what is lost without it.
for capability in $all; do
	as_nobody "$(tr ' ' '\n' <<<"$all" | grep -vx "$capability" | tr '\n' ' ')" "$tmp/egret" doctor >"$tmp/doctor"
	grep -A1 "CAP_${capability^^} .*not held" "$tmp/doctor" | grep -q 'fix: .' ||
		fail "the doctor does not miss $capability: $(head -n 8 "$tmp/doctor")"
	check "held, without $capability" "$(grep -c '^OK *CAP_.* held$' "$tmp/doctor")" == 5
done

# A session that root has opened goes on in a process that has no capability any more.
cp "$build/libegret.so.$("$egret" --version | sed "s/^egret //")" "$tmp/libegret.so.0"
cat >"$tmp/given.py" <<'END'
import collections, ctypes, os, sys, time
sys.path.insert(0, "examples")
import functions as f
opts = f.SessionOpts(size=ctypes.sizeof(f.SessionOpts), scope=f.SYSTEM, frequency=499, keep_profile=True)
session, profile, leaves = ctypes.c_void_p(), ctypes.c_void_p(), collections.Counter()
f.call(f.egret.egret_session__open, ctypes.byref(opts), ctypes.byref(session))
f.call(f.egret.egret_session__start, session)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
print("CapEff", open("/proc/self/status").read().split("CapEff:")[1].split()[0])
end = time.monotonic() + 1
while time.monotonic() < end:
    f.call(f.egret.egret_session__poll, session, 100)
f.call(f.egret.egret_session__stop, session)
f.call(f.egret.egret_session__profile, session, ctypes.byref(profile))
def add(stack, _):
    leaves[stack[0].frames[0][0].name.decode(errors="replace")] += stack[0].samples if stack[0].n_frames else 0
    return 0
f.egret.egret_profile__each_stack(profile, f.StackFn(add), None)
print("busy", leaves["busy"])
END
LD_LIBRARY_PATH=$tmp PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$tmp/given.py" >"$tmp/given" 2>"$tmp/err" || fail "without capabilities: $(tail -n 1 "$tmp/err")"
grep -qx 'CapEff 0*' "$tmp/given" || fail "it has capabilities: $(head -n 1 "$tmp/given")"
check "samples in busy, taken without capabilities" "$(sed -n 's/^busy //p' "$tmp/given")" '>=' 5
finish
