#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What backends get is what the store has: with answers of all kinds, while they are away, and when the
# sender is killed. Receivers (push_receiver.py) decode everything by other implementations.
# shellcheck disable=SC2317,SC2030,SC2031 # scenarios are called by their names, in subshells
# Windows are brought to the disk one by one; that a disk can be slow is not what this is about.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
drive=$tools/push_drive
need "$drive"
python=$(PATH=/usr/bin:/bin command -v python3) || skip "no python3"
"$python" -c 'import google.protobuf' 2>/dev/null || skip "no protobuf for Python"

# receiver NAME [OPTIONS...]: one in the background; its port is in $port, what it takes in $tmp/NAME.json.
receiver() {
	local name=$1

	shift
	rm -f "$tmp/$name.port"
	"$python" tests/system/push_receiver.py "$tmp/$name.json" "$@" >"$tmp/$name.port" 2>"$tmp/$name.err" &
	receivers[$name]=$!
	at_end+=("kill ${receivers[$name]} 2>/dev/null")
	for _ in $(seq 200); do
		[ -s "$tmp/$name.port" ] && break
		sleep 0.05
	done
	port=$(cat "$tmp/$name.port")
	[ -n "$port" ] || fail "no receiver $name: $(cat "$tmp/$name.err")"
}
declare -A receivers
taken() { "$python" -c 'import json, sys; t = json.load(open(sys.argv[1])); v = t[sys.argv[2]]
print(len(v) if isinstance(v, list) else v)' "$tmp/$1.json" "$2"; }
wrong() { "$python" -c 'import json, sys; print(*json.load(open(sys.argv[1]))["wrong"])' "$tmp/$1.json"; }
# run NAME N SECONDS KIND URL ...: its numbers are in $tmp/NAME.stats, what it logs in $tmp/NAME.log.
run() {
	local name=$1

	shift
	"$drive" "$tmp/store-$name" "$@" >"$tmp/$name.stats" 2>"$tmp/$name.log"
}
number() { awk -v name="$2" '$1 == name { v = $2 } END { print v + 0 }' "$tmp/$1.stats"; }
sent() { number "$1" "egret_push_windows_sent_total,backend=\"$2\""; }
waiting() { number "$1" "egret_push_windows_waiting,backend=\"$2\""; }
failures_of() { number "$1" "egret_push_failures_total,backend=\"$2\",reason=\"$3\""; }
dropped() { number "$1" "egret_push_windows_dropped_total,backend=\"$2\",reason=\"$3\""; }
# all_taken NAME WINDOWS: each once, nothing that cannot be decoded.
all_taken() {
	check "$1: samples" "$(taken "$1" samples)" == $((100 * $2))
	check "$1: value" "$(taken "$1" value)" == $(($2 * 100 * (1000000000 / 19)))
	[ -z "$(wrong "$1")" ] || fail "$1: $(wrong "$1")"
}

# Each scenario is a function with a store and a receiver of its own; they wait most of the time.
plain() { # KIND
	receiver "plain-$1"
	run "plain-$1" 20 20 "$1" "http://127.0.0.1:$port/"
	all_taken "plain-$1" 20
	check "$1: once each" "$(taken "plain-$1" requests)" == 20
	check "$1: sent" "$(sent "plain-$1" "$1")" == 20
	check "$1: bytes" "$(number "plain-$1" "egret_push_bytes_sent_total,backend=\"$1\"")" == \
		"$(taken "plain-$1" bytes)"
	[ ! -s "$tmp/plain-$1.log" ] || fail "$1 says: $(cat "$tmp/plain-$1.log")"
	# Started again, there is nothing more to send.
	run "plain-$1" 1 20 "$1" "http://127.0.0.1:$port"
	all_taken "plain-$1" 21
}
again() { # KIND: what passes is waited for
	receiver "again-$1" --plan=cut,hang,429:3
	run "again-$1" 4 25 "$1" "http://127.0.0.1:$port" timeout_ms=3000
	all_taken "again-$1" 4
	check "$1: attempts" "$(taken "again-$1" attempts)" '>=' 7
	for reason in connection-lost timeout http-429; do
		check "$1: $reason" "$(failures_of "again-$1" "$1" "$reason")" '>=' 1
	done
	"$python" -c 'import json, sys; t = json.load(open(sys.argv[1]))["times"]
assert t[3] - t[2] >= 3, ("Retry-After", t)
assert t[1] - t[0] >= 0.5 and t[2] - t[1] >= 4, ("back-off", t)' "$tmp/again-$1.json" || fail "$1: waits"
	[ "$(grep -c 'windows wait in the store' "$tmp/again-$1.log")" -ge 3 ] || fail "$(cat "$tmp/again-$1.log")"
	[ "$(grep -c 'takes windows again; 3 wait' "$tmp/again-$1.log")" = 1 ] || fail "$(cat "$tmp/again-$1.log")"
}
refused() { # what never passes is dropped, and counted; the rest goes on
	receiver refused --plan=ok,400,413,ok,415,422,422,422,422
	run refused 8 25 otlp "http://127.0.0.1:$port"
	all_taken refused 4
	for reason in http-400 http-413 http-415 http-422; do
		check "dropped: $reason" "$(dropped refused otlp "$reason")" == 1
	done
	check "attempts" "$(taken refused attempts)" == 11
	grep -q 'window 2 is dropped: .* answers 400: as planned' "$tmp/refused.log" || fail "$(cat "$tmp/refused.log")"
}
credentials() { # wait until they are mended, and go nowhere else
	echo wrong >"$tmp/token"
	receiver token --token=right
	run token 3 20 pyroscope "http://127.0.0.1:$port" token_file="$tmp/token" until=http-401
	check "with a wrong token" "$(sent token pyroscope)" == 0
	check "they wait" "$(waiting token pyroscope)" == 3
	grep -q 'answers 401: it refuses the credentials: who are you; windows wait' "$tmp/token.log" ||
		fail "$(cat "$tmp/token.log")"
	# Mended while it runs.
	(sleep 1 && echo right >"$tmp/token") &
	run token 1 20 pyroscope "http://127.0.0.1:$port" token_file="$tmp/token"
	all_taken token 4
	echo secret >"$tmp/password"
	receiver user --user=me:secret --tenant=team
	run user 2 20 pyroscope "http://127.0.0.1:$port" user=me password_file="$tmp/password" tenant=team
	all_taken user 2
	# A redirection is not followed: the receiver would answer 401 to the next request without a token.
	receiver redirect --token=right --plan='redirect*'
	run redirect 1 20 otlp "http://127.0.0.1:$port" token_file="$tmp/token" until=http-3xx
	check "redirected" "$(failures_of redirect otlp http-3xx)" '>=' 1
	grep -q 'sends to http://127.0.0.1:1/elsewhere, which is not followed' "$tmp/redirect.log" ||
		fail "$(cat "$tmp/redirect.log")"
}
dies() { # away, and back
	receiver dies --plan=ok,ok,die
	local first=$port
	run dies 6 30 otlp "http://127.0.0.1:$first" &
	local running=$!
	wait "${receivers[dies]}"
	sleep 1
	receiver dies --port="$first"
	wait "$running"
	all_taken dies 6
	check "not connected" "$(failures_of dies otlp connect)" '>=' 1
	check "none twice" "$(taken dies duplicates)" == 0
}
lost() { # the answer: it is sent again, and known again by its id
	receiver lost --plan=500,ok,503,lost
	run lost 4 20 otlp "http://127.0.0.1:$port"
	all_taken lost 4
	check "500" "$(failures_of lost otlp http-500)" == 1
	check "503" "$(failures_of lost otlp http-503)" == 1
	check "twice" "$(taken lost duplicates)" == 1
	check "ids" "$(taken lost ids)" == 4
}
full() { # away for longer than the store holds: the oldest are counted for it
	run full 60 0 otlp http://127.0.0.1:1 max_bytes=131072
	receiver full
	run full 1 20 otlp "http://127.0.0.1:$port" max_bytes=131072
	check "dropped" "$(dropped full otlp store-full)" '>=' 20
	check "all of the others" $(($(taken full requests) + $(dropped full otlp store-full))) == 61
	check "samples" "$(taken full samples)" == $((100 * $(taken full requests)))
}
killed() { # KIND: at any moment; at most the one in flight is sent twice
	local kills=0

	receiver "killed-$1"
	for _ in $(seq 40); do
		[ "$kills" -lt 8 ] || break
		"$drive" "$tmp/store-killed-$1" 4 30 "$1" "http://127.0.0.1:$port" >/dev/null 2>>"$tmp/killed-$1.log" &
		sleep 0.0$((RANDOM % 8 + 1))
		kill -KILL $! 2>/dev/null && kills=$((kills + 1))
		wait $! 2>/dev/null
	done
	run "killed-$1" 4 30 "$1" "http://127.0.0.1:$port"
	local stored
	stored=$("$egret" export --store="$tmp/store-killed-$1" 2>/dev/null | awk '{ n += $NF } END { print n }')
	[ "$1" = directory ] || check "$1: killed: samples" "$(taken "killed-$1" samples)" == "$stored"
	check "$1: stored" "$stored" '>=' 400
	check "$1: kills" "$kills" '>=' 6
	check "$1: twice" "$(taken "killed-$1" duplicates)" '<=' "$kills"
	[ -z "$(wrong "killed-$1")" ] || fail "$1: $(wrong "killed-$1")"
}
directory() { # of files, whole and once each
	mkdir "$tmp/files"
	run files 10 20 directory "$tmp/files"
	run files 1 20 directory "$tmp/files"
	"$python" -c 'import gzip, pathlib, sys
sys.path.insert(0, "tests/system")
import formats_proto
pprof = formats_proto.load("pprof")
files = sorted(pathlib.Path(sys.argv[1]).iterdir())
assert len(files) == 11 and all(f.name.startswith("testhost_00000000") for f in files), files
data = [pprof.Profile.FromString(gzip.decompress(f.read_bytes())) for f in files]
assert sum(s.value[0] for d in data for s in d.sample) == 1100' "$tmp/files" || fail "files: $(ls "$tmp/files")"
	chmod 0 "$tmp/files"
	rm -rf "$tmp/files"
	run gone 1 1 directory "$tmp/files"
	grep -q "^cannot use the directory '$tmp/files'" "$tmp/gone.log" || fail "$(cat "$tmp/gone.log")"
}
clickhouse() { # a real one: what was killed, and what is sent again, counts once
	command -v clickhouse-server >/dev/null || return 0
	local ch=$tmp/clickhouse url port server kills=0 stored

	port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	url=http://127.0.0.1:$port
	mkdir -p "$ch/data" "$ch/tmp"
	cat >"$ch/config.xml" <<-END
		<yandex><logger><level>warning</level><log>$ch/log</log><errorlog>$ch/err</errorlog></logger>
		<http_port>$port</http_port><listen_host>127.0.0.1</listen_host>
		<path>$ch/data/</path><tmp_path>$ch/tmp/</tmp_path><mark_cache_size>5368709</mark_cache_size>
		<users_config>$ch/users.xml</users_config><default_profile>default</default_profile>
		<default_database>default</default_database></yandex>
	END
	cat >"$ch/users.xml" <<-END
		<yandex><profiles><default/></profiles><quotas><default/></quotas><users>
		<default><password>secret</password><networks><ip>127.0.0.1</ip></networks>
		<profile>default</profile><quota>default</quota></default></users></yandex>
	END
	clickhouse-server --config-file="$ch/config.xml" >"$ch/out" 2>&1 &
	server=$!
	at_end+=("kill $server; wait $server 2>/dev/null")
	for _ in $(seq 100); do
		curl -s "$url/" >/dev/null && break
		sleep 0.1
	done
	echo secret >"$ch/password"
	options=("$url" user=default password_file="$ch/password")
	run clickhouse 1 20 clickhouse "${options[@]}" until=no-tables
	check "without tables" "$(failures_of clickhouse clickhouse no-tables)" '>=' 1
	"$egret" fleet init -u "$url" --password-file="$ch/password" >/dev/null 2>&1 || fail "no tables"
	for _ in $(seq 6); do
		"$drive" "$tmp/store-clickhouse" 3 30 clickhouse "${options[@]}" >/dev/null 2>>"$tmp/clickhouse.log" &
		sleep 0.$((RANDOM % 4 + 1))
		kill -KILL $! 2>/dev/null && kills=$((kills + 1))
		wait $! 2>/dev/null
	done
	run clickhouse 3 30 clickhouse "${options[@]}"
	# All of another store, and once more.
	run again-clickhouse 4 30 clickhouse "${options[@]}"
	echo 0 >"$tmp/store-again-clickhouse/cursors/clickhouse"
	run again-clickhouse 1 30 clickhouse "${options[@]}"
	check "clickhouse: sent again" "$(sent again-clickhouse clickhouse)" == 5
	stored=$("$egret" export --store="$tmp/store-clickhouse" 2>/dev/null | awk '{ n += $NF } END { print n + 500 }')
	check "clickhouse: stored" "$stored" '>=' 900
	check "clickhouse: samples" "$("$egret" fleet query -u "$url" --password-file="$ch/password" \
		--from=2020-01-01 2>/dev/null | awk '$1 == "pushed" { print $2 }')" == "$stored"
}
tls() { # certificates are verified
	command -v openssl >/dev/null || return 0
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key.pem" -out "$tmp/cert.pem" -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null || fail "no certificate"
	receiver tls --tls="$tmp/cert.pem,$tmp/key.pem"
	run tls 2 20 otlp "https://127.0.0.1:$port" until=tls
	check "unknown certificate" "$(failures_of tls otlp tls)" '>=' 1
	check "sent to it" "$(sent tls otlp)" == 0
	run tls 1 20 otlp "https://127.0.0.1:$port" ca_file="$tmp/cert.pem"
	all_taken tls 3
}
refuses() { # what cannot be a backend, in one line
	local url
	for url in ftp://h/ nonsense 'http://u:p@h/' 'http://h/?a=b' ''; do
		run bad 0 0 otlp "$url"
		check "status of '$url'" $? == 1
		[ "$(wc -l <"$tmp/bad.log")" = 1 ] || fail "'$url': $(cat "$tmp/bad.log")"
	done
	run bad 0 0 clickhouse http://127.0.0.1:1 tenant=x
	grep -q 'clickhouse has a user and a password, no tenant' "$tmp/bad.log" || fail "$(cat "$tmp/bad.log")"
	run bad 1 20 clickhouse http://127.0.0.1:1 until=connect
	check "clickhouse: not connected" "$(failures_of bad clickhouse connect)" '>=' 1
	check "clickhouse: waiting" "$(waiting bad clickhouse)" == 1
	echo x >"$tmp/secret"
	run bad 0 0 otlp http://127.example.com token_file="$tmp/secret"
	grep -q 'credentials of otlp would go over the network' "$tmp/bad.log" || fail "$(cat "$tmp/bad.log")"
	run bad 0 0 otlp https://example.com token_file="$tmp/none"
	grep -q "cannot read '$tmp/none'" "$tmp/bad.log" || fail "$(cat "$tmp/bad.log")"
	run bad 0 0 nothing https://example.com
	grep -q "no kind of backend 'nothing'" "$tmp/bad.log" || fail "$(cat "$tmp/bad.log")"
}
until_windows() { # N: there are so many in the agent's store
	for _ in $(seq 300); do
		[ "$(find "$tmp/agent" -name '*.egret' 2>/dev/null | sort | tail -n 1 | sed 's|.*/||; s|_.*||; s|.*-||; s|^0*||')" -ge "$1" ] \
			2>/dev/null && return
		sleep 0.1
	done
	fail "no $1 windows: $(cat "$tmp/agent.log")"
}
# A real agent: what it has stored is what both have got, after a SIGKILL too.
agent() {
	[ "$(id -u)" = 0 ] || return 0
	local ports=() kind pid total

	mkdir "$tmp/agent-files"
	for kind in pyroscope otlp; do
		receiver "agent-$kind"
		ports+=("$port")
	done
	cat >"$tmp/agent.conf" <<-END
		[push "pyroscope"]
		type = pyroscope
		url = http://127.0.0.1:${ports[0]}
		[push "otlp"]
		type = otlp
		url = http://127.0.0.1:${ports[1]}
		timeout = 5
		[push "directory"]
		type = directory
		path = $tmp/agent-files
	END
	options=(--window=1 --state-dir="$tmp/agent" --listen=unix:"$tmp/sock" --max-cpu=50 --config="$tmp/agent.conf")
	OTEL_SERVICE_NAME=shop OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test \
		timeout 60 sh -c 'while :; do :; done' &
	at_end+=("kill $! 2>/dev/null")
	"$egret" agent "${options[@]}" 2>"$tmp/agent.log" &
	pid=$!
	until_windows 4
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	rm -f "$tmp/sock"
	"$egret" agent "${options[@]}" 2>>"$tmp/agent.log" &
	pid=$!
	until_windows 8
	for _ in $(seq 100); do
		[ "$(cat "$tmp/agent/cursors/otlp")" -ge 7 ] && [ "$(cat "$tmp/agent/cursors/pyroscope")" -ge 7 ] && break
		sleep 0.1
	done
	curl -s --unix-socket "$tmp/sock" http://localhost/metrics >"$tmp/metrics"
	grep -q '^egret_push_windows_sent_total{backend="otlp"} [1-9]' "$tmp/metrics" || fail "metrics of push"
	grep -q '^egret_store_windows_written_total [1-9]' "$tmp/metrics" || fail "metrics of the store"
	# One that is taken out of the configuration gets no more; others go on.
	sed -i '/"directory"/,$d' "$tmp/agent.conf"
	kill -HUP "$pid"
	until_windows 10
	kill "$pid"
	wait "$pid"
	[ -z "$(wrong agent-otlp)" ] || fail "otlp: $(wrong agent-otlp)"
	"$egret" agent "${options[@]}" 2>>"$tmp/agent.log" & # what was put last is sent at the next start
	pid=$!
	for _ in $(seq 100); do
		[ "$(cat "$tmp/agent/cursors/otlp")" -gt 10 ] && break
		sleep 0.1
	done
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	total=$("$egret" export --store="$tmp/agent" 2>/dev/null | awk '{ n += $NF } END { print n }')
	check "agent: samples" "$total" '>' 20
	[ "$(cat "$tmp/agent/cursors/directory")" -lt "$(cat "$tmp/agent/cursors/otlp")" ] || fail "agent: files after SIGHUP"
	# The window under way when it was killed may be in the store, and not sent.
	total=$("$python" - "$tmp/agent" "$tmp/agent/cursors" <<-'END'
		import pathlib, subprocess, sys
		store = pathlib.Path(sys.argv[1])
		# FIRST-LAST where windows were put together, as all are when ten minutes of the clock are over.
		numbers = lambda f: [int(n) for n in f.name.split("_")[0].split("-")]
		for kind in "pyroscope", "otlp", "directory":
		    last = int((store / "cursors" / kind).read_text())
		    files = [f for f in sorted(store.glob("*.egret")) if numbers(f)[-1] <= last]
		    print(kind, sum(numbers(f)[-1] - numbers(f)[0] + 1 for f in files), *files)
	END
	)
	while read -r kind windows files; do
		sum=0
		for window in $files; do
			sum=$((sum + $("$egret" export -i "$window" | awk '{ n += $NF } END { print n + 0 }')))
		done
		if [ "$kind" = directory ]; then
			check "agent: files" "$(find "$tmp/agent-files" -name '*.pb.gz' | wc -l)" '>=' "$windows"
			continue
		fi
		# What was acknowledged, and at most one a kill whose cursor was not written.
		check "agent: $kind" "$(taken "agent-$kind" samples)" '>=' "$sum"
		[ "$kind" = pyroscope ] ||
			check "agent: $kind: requests" "$(taken "agent-$kind" ids)" '<=' $((windows + 1))
		check "agent: $kind: windows" "$windows" '>=' 5
		"$python" -c 'import json, sys
names = json.load(open(sys.argv[1]))["names"]
host = {"pyroscope": "hostname="}[sys.argv[2]]
assert any(n.startswith("egret{" + host) for n in names), names
assert any(n.startswith("shop{" + host) and "deployment_environment=test" in n for n in names), names' \
			"$tmp/agent-pyroscope.json" pyroscope || fail "services"
		[ -z "$(wrong "agent-$kind")" ] || fail "agent: $kind: $(wrong "agent-$kind")"
	done <<<"$total"
}

# The configuration is checked, with the line that is wrong.
configuration() { # LINE WHAT KEY=VALUE...
	local line=$1 what=$2

	shift 2
	printf '%s\n' '[push "one"]' "$@" >"$tmp/wrong.conf"
	"$egret" agent --config="$tmp/wrong.conf" --check-config 2>"$tmp/wrong.err"
	check "status of a wrong configuration: $*" $? '>=' 1
	grep -q "wrong.conf:$line: .*$what" "$tmp/wrong.err" || fail "$*: $(cat "$tmp/wrong.err")"
	[ "$(wc -l <"$tmp/wrong.err")" = 1 ] || fail "lines: $(cat "$tmp/wrong.err")"
}
configurations() {
	configuration 3 "has no 'urll'; is it 'url'?" type=otlp urll=http://h/
	configuration 3 "timeout wants" type=otlp timeout=soon
	configuration 2 "needs a type: pyroscope, otlp, clickhouse, directory" url=http://h/
	configuration 2 "no kind of backend 'kafka'" type=kafka url=http://h/
	configuration 2 "otlp needs a url" type=otlp
	configuration 2 "cannot use the directory" type=directory path=/nonexistent
	printf '[push "../x"]\ntype=otlp\nurl=http://h/\n' >"$tmp/wrong.conf"
	"$egret" agent --config="$tmp/wrong.conf" --check-config 2>"$tmp/wrong.err"
	grep -q 'wrong.conf:2: .*letters, digits' "$tmp/wrong.err" || fail "$(cat "$tmp/wrong.err")"
	printf '[push "one"]\ntype=otlp\nurl=http://h/\n' >"$tmp/right.conf"
	"$egret" agent --config="$tmp/right.conf" --check-config 2>"$tmp/wrong.err" || fail "$(cat "$tmp/wrong.err")"
}

# At the same time; each tells its failures in a file.
for scenario in "plain pyroscope" "plain otlp" "again pyroscope" "again otlp" refused credentials dies lost full \
	"killed pyroscope" "killed otlp" directory clickhouse tls refuses configurations agent; do
	(
		at_end=() failures=0
		trap - EXIT
		# shellcheck disable=SC2086 # a name and its argument
		$scenario
		for command in ${at_end[@]+"${at_end[@]}"}; do
			eval "$command"
		done
		exit "$failures"
	) >"$tmp/out-${scenario// /-}" 2>&1 &
	scenarios+=("$!:${scenario// /-}")
done
for scenario in "${scenarios[@]}"; do
	wait "${scenario%%:*}" && continue
	failures=$((failures + 1))
	echo "--- ${scenario#*:}"
	head -n 20 "$tmp/out-${scenario#*:}"
done
finish
