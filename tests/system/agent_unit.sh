#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The agent's unit for systemd: it is one, it gives no more than it should (systemd-analyze security), and
# what it gives is enough: as another user, with its capabilities and nothing else, in a file system that
# is read-only but for its directories, the agent samples and answers, calling only what its filter allows.
. "$(dirname "$0")/lib.sh"
need "$(command -v systemd-analyze)" "systemd-analyze is not installed"
most_exposure=3.0 # of 10: README.md has the figure that this prints

unit=$tmp/egret-agent.service
sed "s|@BINDIR@|$(realpath "$build")|; s|@SYSCONFDIR@|/etc|" cmd/agent/egret-agent.service.in >"$unit"
complaints=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F egret-agent)
[ -z "$complaints" ] || fail "$complaints"
exposure=$(systemd-analyze security --offline=yes --no-pager "$unit" | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
echo "exposure ${exposure:-unknown} of 10, by systemd-analyze security"
awk -v is="${exposure:-10}" -v most=$most_exposure 'BEGIN { exit !(is <= most) }' ||
	fail "the exposure is ${exposure:-unknown}, over $most_exposure"

settings() { sed -n "s/^$1=//p" "$unit"; } # NAME
ambient=$(settings AmbientCapabilities)
[ "$ambient" = "$(settings CapabilityBoundingSet)" ] || fail "other capabilities can be had than it is given"
for capability in $ambient; do
	grep -q "^$capability	" man/libegret.3 || fail "$capability is not in the table of libegret(3)"
done
check "capabilities of the unit and of the table" "$(wc -w <<<"$ambient")" == "$(grep -c '^CAP_' man/libegret.3)"

# The configuration beside it is right, and so is what it shows of the defaults.
for strip in '' 's/^;//'; do
	sed "$strip" cmd/agent/agent.conf >"$tmp/shown.conf"
	"$egret" agent --check-config --config="$tmp/shown.conf" >"$tmp/out" 2>"$tmp/err" || fail "agent.conf: $(cat "$tmp/err")"
done
check "defaults shown in agent.conf" "$(grep -c '^;' cmd/agent/agent.conf)" '>' 4

# ---- what it gives is enough ---------------------------------------------------------------------

need_root
need "$(command -v strace)" "strace is not installed"
unshare --mount true 2>/dev/null || skip "no mount namespaces here"

chmod 711 "$tmp"
for directory in state cache run; do
	install -d -o 65534 "$tmp/$directory"
done
cp "$egret" "$tmp/egret"
cp cmd/agent/agent.conf "$tmp/agent.conf"
"$workloads/busy" 1 60000 &
busy=$!
at_end+=("kill $busy 2>/dev/null")

# Everything but its directories is read-only, as with ProtectSystem=strict.
cat >"$tmp/enter" <<'END'
mount --make-rprivate / || exit
for directory in state cache run; do
	mount --bind "$1/$directory" "$1/$directory" || exit
done
mount -o remount,bind,ro / || exit
touch "$1/written" 2>/dev/null && exit 9
capabilities=$(echo "+$2" | sed 's/CAP_//g; s/ /,+/g' | tr A-Z a-z)
export STATE_DIRECTORY=$1/state EGRET_CACHE=$1/cache HOME=/ NOTIFY_SOCKET=$1/run/notify WATCHDOG_USEC=600000
# No namespaces: RestrictNamespaces.
exec strace -f -qq -o "$1/run/calls" -e 'signal=none' -e inject=unshare:error=EPERM setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
	--bounding-set="-all,$capabilities" --inh-caps="$capabilities" --ambient-caps="$capabilities" \
	"$1/egret" agent --config "$1/agent.conf" --listen "unix:$1/run/agent.sock" -F 97 -w 1
END
# What it tells systemd, a message a line.
cat >"$tmp/notified.py" <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
while True:
    print(s.recv(4096).decode(), flush=True)
END
python3 "$tmp/notified.py" "$tmp/run/notify" >"$tmp/notified" &
at_end+=("kill $! 2>/dev/null")
# Its exec is the first that is the agent's.
unshare --mount sh "$tmp/enter" "$tmp" "$ambient" 2>"$tmp/log" &
agent=$!
at_end+=("kill $agent 2>/dev/null")
for ((i = 0; i < 100; i++)); do
	[ -S "$tmp/run/agent.sock" ] && break
	sleep 0.1
done

cat >"$tmp/get.py" <<'END'
import http.client, socket, sys
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
c = Connection("localhost")
c.request("GET", sys.argv[2])
answer = c.getresponse()
sys.stdout.buffer.write(answer.read())
sys.exit(answer.status != 200)
END
python3 "$tmp/get.py" "$tmp/run/agent.sock" '/debug/pprof/profile?seconds=2' >"$tmp/cpu.pb.gz" 2>"$tmp/get.err" ||
	fail "no profile: $(tail -n 1 "$tmp/get.err"); $(tail -n 3 "$tmp/log")"
python3 "$tmp/get.py" "$tmp/run/agent.sock" /healthz >/dev/null || fail "it is not healthy"
kill -TERM "$(pgrep -P "$agent" | head -n 1)" # strace's child
wait "$agent"
status=$?
check "exit status of the agent" $status == 0
[ $status = 0 ] || tail -n 5 "$tmp/log"

[ "$(head -n 1 "$tmp/notified")" = READY=1 ] || fail "it told systemd first: $(head -n 1 "$tmp/notified")"
[ "$(tail -n 1 "$tmp/notified")" = STOPPING=1 ] || fail "it told systemd last: $(tail -n 1 "$tmp/notified")"
check "times it has told the watchdog" "$(grep -c '^WATCHDOG=1$' "$tmp/notified")" '>=' 3 # each 300 ms, of 2 s

"$egret" import -o "$tmp/imported" "$tmp/cpu.pb.gz" 2>/dev/null &&
	"$egret" export --format=folded -i "$tmp/imported" >"$tmp/folded"
check "samples in busy, of another user" "$(samples_of ';busy(;.*)? ')" '>=' 10
check "functions of the kernel without names" "$(samples_of ';\[kernel\+0x')" == 0
[ -n "$(ls "$tmp/state")" ] || fail "nothing in the state directory"

# What it called, from where it was the agent, against the filter, its groups expanded.
expand() { # GROUP
	systemd-analyze syscall-filter "$1" | sed -n 's/^ \+\([a-z@_0-9-]*\)$/\1/p' | while read -r call; do
		case $call in
		@*) expand "$call" ;;
		*) echo "$call" ;;
		esac
	done
}
set_of() { # WORD...: groups and calls
	local word

	for word; do
		case $word in
		@*) expand "$word" ;;
		*) echo "$word" ;;
		esac
	done | sort -u
}
while read -r line; do
	# shellcheck disable=SC2086
	case $line in
	'~'*) set_of ${line#\~} >"$tmp/refused" ;;
	*) set_of $line >"$tmp/allowed" ;;
	esac
done < <(settings SystemCallFilter)
awk '/execve\(.*\/egret"/ { agent = 1; next } agent' "$tmp/run/calls" |
	sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' | sort -u >"$tmp/called"
echo "calls $(wc -l <"$tmp/called") of the $(comm -23 "$tmp/allowed" "$tmp/refused" | wc -l) system calls of its filter"
check "system calls seen" "$(wc -l <"$tmp/called")" '>' 20
check "that strace has seen it sample" "$(grep -cxE 'bpf|perf_event_open' "$tmp/called")" == 2
beyond=$(comm -23 "$tmp/called" <(comm -23 "$tmp/allowed" "$tmp/refused") | tr '\n' ' ')
[ -z "$beyond" ] || fail "it calls $beyond, which its filter does not allow"
families=$(grep -oE '\bsocket\(AF_[A-Z0-9]+' "$tmp/run/calls" | sed 's/socket(//' | sort -u | tr '\n' ' ')
for family in $families; do
	grep -qw "$family" <<<"$(settings RestrictAddressFamilies)" || fail "it opens a socket of $family"
done
grep -qE 'mmap\(.*PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_WRITE\|PROT_EXEC' "$tmp/run/calls" &&
	fail "it maps memory that is written and run (MemoryDenyWriteExecute)"
finish
