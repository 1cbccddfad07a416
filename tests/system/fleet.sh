#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A fleet's database: totals are those of the recordings, by stack, function, host and label; a lost
# answer counts nothing twice; hostile names and conditions stay text; errors are one line.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
command -v clickhouse-server >/dev/null || skip "needs clickhouse-server"
need_root

put=$tools/fleet_put
from=$(($(date +%s) / 3600 * 3600 - 7200))
range=(--from "@$from" --to "@$((from + 3600))")

# ---- a server of its own
mkdir -p "$tmp/ch/data" "$tmp/ch/tmp"
start_server() {
	cat >"$tmp/ch/users.xml" <<-END
		<yandex><profiles><default></default></profiles><quotas><default></default></quotas><users>
		<default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
		<agent><password>pass'word</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></agent>
		</users></yandex>
	END
	for _ in 1 2 3; do
		port=$((20000 + RANDOM % 20000))
		cat >"$tmp/ch/config.xml" <<-END
			<yandex><logger><level>warning</level><log>$tmp/ch/log</log><errorlog>$tmp/ch/errors</errorlog></logger>
			<http_port>$port</http_port><tcp_port>$((port + 1))</tcp_port><listen_host>127.0.0.1</listen_host>
			<path>$tmp/ch/data/</path><tmp_path>$tmp/ch/tmp/</tmp_path><mark_cache_size>67108864</mark_cache_size>
			<users_config>$tmp/ch/users.xml</users_config><default_profile>default</default_profile>
			<default_database>default</default_database></yandex>
		END
		clickhouse-server --config-file="$tmp/ch/config.xml" >"$tmp/ch/output" 2>&1 &
		server=$!
		for _ in $(seq 200); do
			curl -s "http://127.0.0.1:$port/" >/dev/null && return 0
			kill -0 $server 2>/dev/null || break
			sleep 0.1
		done
	done
	return 1
}
# shellcheck disable=SC2016  # for the trap
at_end+=('kill $server ${proxies[@]+"${proxies[@]}"} 2>/dev/null; wait $server')
proxies=()
start_server || skip "clickhouse-server does not start here: $(tail -n 1 "$tmp/ch/output")"
url=http://127.0.0.1:$port

fleet() { "$egret" fleet "$1" --url "$url" "${@:2}"; }
sql() { curl -sS "$url/" --data-binary "$1"; }
start_proxy() { # MODE [PEM-FILE]: sets proxy_url
	rm -f "$tmp/port"
	python3 tests/system/fleet_proxy.py "$1" "$url" "$tmp/port" ${2:+"$2"} 2>/dev/null &
	proxies+=($!)
	for _ in $(seq 100); do [ ! -s "$tmp/port" ] || break; sleep 0.1; done
	proxy_url=http://127.0.0.1:$(cat "$tmp/port")
}
# one_line WHAT PATTERN STATUS: $tmp/out is one line without control characters that matches.
one_line() {
	if [ "$(wc -l <"$tmp/out")" != 1 ] || [ "$3" = 0 ] || ! grep -qE -- "$2" "$tmp/out" || grep -q $'\x1b' "$tmp/out"; then
		fail "$1: status $3, $(head -c 400 "$tmp/out")"
	fi
}

# ---- before there is anything
fleet top >"$tmp/out" 2>&1
one_line "no tables" "egret fleet init" $?
fleet init --keep=7 2>"$tmp/out" || fail "init: $(cat "$tmp/out")"
fleet init --keep=7 2>"$tmp/out" || fail "init once more: $(cat "$tmp/out")"
fleet top >"$tmp/out" 2>&1
one_line "no windows" "there is nothing between these times" $?

# ---- totals
"$egret" record -q -F 999 -o "$tmp/a.data" -- sh -c 'seq 200000 | sort | md5sum' >/dev/null 2>&1 || fail "record"
"$egret" record -q -F 999 -o "$tmp/b.data" -- python3 -c 'import re
for i in range(20000): re.sub("[a-z]", str(i), "one two three")' >/dev/null 2>&1 || fail "record"
WINDOWS=1 "$put" "$url" egret web-1 "$from" "$tmp/a.data" || fail "put a"
WINDOWS=1 "$put" "$url" egret web-2 "$from" "$tmp/b.data" || fail "put b"
folded() { LC_ALL=C sort "$1"; }
# same_lines A B: something is in A, and the same in B, in any order.
same_lines() { [ -s "$1" ] && cmp <(folded "$1") <(folded "$2"); }
for host in web-1:a web-2:b; do
	"$egret" export -i "$tmp/${host#*:}.data" -f folded -o "$tmp/local"
	fleet query "${range[@]}" -f folded -w "host=${host%:*}" >"$tmp/stored"
	same_lines "$tmp/local" "$tmp/stored" || fail "stacks of $host differ"
done
"$egret" merge -o "$tmp/both.data" "$tmp/a.data" "$tmp/b.data" 2>/dev/null
functions() { awk '/Function  /{ on = 1; next } on && $2 == "%" { sub(/^ +/, ""); print }' | LC_ALL=C sort; }
"$egret" report --stdio --no-tree -i "$tmp/both.data" -n 1000000 --percent-limit 0 | functions >"$tmp/local"
fleet top "${range[@]}" -n 1000000 | functions >"$tmp/stored"
same_lines "$tmp/local" "$tmp/stored" || fail "functions differ"
samples() { "$egret" export -i "$1" -f folded -o - | awk '{ n += $NF } END { print n }'; }
printf 'host\tsamples\tvalue\n' >"$tmp/want"
for host in web-1:a web-2:b; do printf '%s\t%s\n' "${host%:*}" "$(samples "$tmp/${host#*:}.data")"; done | sort -t$'\t' -k2,2nr >>"$tmp/want"
fleet query "${range[@]}" --by host | cut -f 1,2 >"$tmp/got"
cmp <(sed 's/\tvalue//' "$tmp/want") "$tmp/got" || fail "by host: $(cat "$tmp/got")"
sort_samples=$("$egret" export -i "$tmp/a.data" -f folded -o - | awk '/^sort;/ { n += $NF } END { print n + 0 }')
check "samples by label" "$(fleet query "${range[@]}" --by process -w 'comm=sort and not host=web-2' | awk '$1 == "sort" { print $2 }')" == "$sort_samples"
fleet flamegraph "${range[@]}" -w 'service=sort' -o "$tmp/page.html" || fail "flamegraph"
grep -q '<title>egret' "$tmp/page.html" || fail "no page"
# By labels: each host has its own samples, and each stack of both stands below either.
fleet flamegraph "${range[@]}" --by host,process -f folded >"$tmp/by_host" || fail "flamegraph by host"
for host in web-1:a web-2:b; do
	"$egret" export -i "$tmp/${host#*:}.data" -f folded -o - | LC_ALL=C sort >"$tmp/local"
	sed -n "s/^${host%:*};//p" "$tmp/by_host" | LC_ALL=C sort >"$tmp/stored"
	same_lines "$tmp/local" "$tmp/stored" || fail "stacks of ${host%:*} differ"
done
check "lines of other hosts" "$(grep -cvE '^web-[12];' "$tmp/by_host")" == 0
fleet query "${range[@]}" --by host,process -f folded | cmp - "$tmp/by_host" || fail "query by host"
fleet flamegraph "${range[@]}" --by no.such.label -f folded >"$tmp/out" 2>"$tmp/err" && fail "a label that nobody has"
grep -q '^egret: no process here has the label "no.such.label"' "$tmp/err" || fail "a label that nobody has: $(cat "$tmp/err")"
fleet flamegraph "${range[@]}" --by host, -f folded >"$tmp/out" 2>"$tmp/err" && fail "half a list"
fleet diff "${range[@]}" --before-where host=web-1 --after-where host=web-2 >"$tmp/out" || fail "diff"
grep -q "^# before: host=web-1: $(samples "$tmp/a.data" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta') samples" "$tmp/out" || fail "diff: $(head -3 "$tmp/out")"
# shellcheck disable=SC2016  # macros of egret's
check "macros" "$(fleet query "${range[@]}" -w host=web-2 'SELECT sum(samples) AS n FROM $samples WHERE $where' | tail -n 1)" == "$(samples "$tmp/b.data")"

# ---- nothing twice
total() { sql 'SELECT sum(samples) FROM egret.samples'; }
windows() { sql 'SELECT count() FROM egret.windows'; }
before=$(total)
WINDOWS=1 "$put" "$url" egret web-1 "$from" "$tmp/a.data" || fail "put once more"
check "a window that is there already" "$(total)" == "$before"
start_proxy lost
TRIES=2 WINDOWS=3 "$put" "$proxy_url" egret web-3 "$from" "$tmp/a.data" >"$tmp/out" || fail "with lost answers: $(cat "$tmp/out")"
check "answers lost" "$(cat "$tmp/port.lost")" == 3
check "errors said" "$(wc -l <"$tmp/out")" == 3
check "samples after lost answers" "$(total)" == $((before + 3 * $(samples "$tmp/a.data")))
check "windows after lost answers" "$(windows)" == 5
# Another process, as after a restart, between the two: samples are there, the window's row is not.
WINDOWS=1 "$put" "$proxy_url" egret web-4 "$from" "$tmp/b.data" >"$tmp/out" && fail "an answer was lost without an error"
WINDOWS=1 "$put" "$url" egret web-4 "$from" "$tmp/b.data" || fail "after a restart"
check "samples after a restart" "$(total)" == $((before + 3 * $(samples "$tmp/a.data") + $(samples "$tmp/b.data")))
check "windows after a restart" "$(windows)" == 6

# ---- names
evil="ho'st\\\" or 1=1; --"
WINDOWS=2 "$put" "$url" egret "$evil" "$((from + 600))" hostile || fail "hostile names"
quoted=${evil//\\/\\\\} quoted=${quoted//\"/\\\"}
check "hostile samples" "$(fleet query "${range[@]}" -e "ev'ent\\" -w "host=\"$quoted\"" --by process,process.linux.cgroup | tail -n 1 | cut -f 3)" == 14
check "a hostile name" "$(sql "SELECT count() FROM (SELECT DISTINCT name FROM egret.frames WHERE hex(name) = '$(printf '\xff\xfe not UTF-8 \xc3' | od -An -tx1 | tr -d ' \n' | tr a-f A-F)')")" == 1
check "a long name" "$(sql "SELECT max(length(name)) FROM egret.frames")" == 59999
fleet top "${range[@]}" -e "ev'ent\\" | grep -q $'\x1b' && fail "control characters reach the terminal"
for bad in "x' or '1'='1" "service='a" "service=" "a b" "(service=a" "service=a)" "service in ()" "service=a;drop" "=a" "service=a and"; do
	fleet top "${range[@]}" -w "$bad" >"$tmp/out" 2>&1
	one_line "--where $bad" "egret: --where" $?
done
check "nothing was injected" "$(fleet query "${range[@]}" -w "host='x\\' or 1=1 or \\'' or host=\"x') or (1=1\"" --by host | wc -l)" == 1

# ---- errors
"$put" "$url" egret web-1 "$from" "$tmp/a.data" agent wrong >"$tmp/out" && fail "a wrong password"
check "sentences on a wrong password" "$(sort -u "$tmp/out" | grep -c 'assword')" == 1
EGRET_CLICKHOUSE_PASSWORD="pass'word" fleet query "${range[@]}" --user agent >"$tmp/out" || fail "a password from the environment"
printf "pass'word\n" >"$tmp/password"
fleet query "${range[@]}" --user agent --password-file "$tmp/password" >"$tmp/out" || fail "a password from a file"
fleet query "${range[@]}" --user agent >"$tmp/out" 2>&1
one_line "no password" "assword" $?
"$egret" fleet top --url "http://u:p@127.0.0.1:$port" >"$tmp/out" 2>&1
one_line "a password in the URL" "--url: a URL is seen by others" $?
"$egret" fleet top --url http://127.0.0.1:1 >"$tmp/out" 2>&1
one_line "no server" "no ClickHouse server at http://127.0.0.1:1" $?
for mode in 500 401; do
	start_proxy $mode
	"$egret" fleet top --url "$proxy_url" >"$tmp/out" 2>&1
	one_line "status $mode" "it's not the database.*status $mode" $?
done

# ---- TLS: certificates are checked
if openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/key" -out "$tmp/certificate" 2>/dev/null; then
	cat "$tmp/key" "$tmp/certificate" >"$tmp/pem"
	start_proxy lost "$tmp/pem"
	proxy_url=https${proxy_url#http}
	"$egret" fleet query --url "$proxy_url" "${range[@]}" >"$tmp/out" 2>&1
	one_line "a certificate of nobody's" "certificate" $?
	"$egret" fleet query --url "$proxy_url" --ca-file "$tmp/certificate" "${range[@]}" --by host >"$tmp/out" 2>&1 ||
		fail "TLS: $(cat "$tmp/out")"
	grep -q "^web-1"$'\t' "$tmp/out" || fail "TLS: $(cat "$tmp/out")"
fi

# ---- a buffer: the same, at once
fleet init --database buffered --buffer 2>"$tmp/out" || fail "init --buffer: $(cat "$tmp/out")"
WINDOWS=2 "$put" "$url" buffered web-1 "$from" "$tmp/a.data" || fail "put into a buffer"
WINDOWS=2 "$put" "$url" buffered web-1 "$from" "$tmp/a.data" || fail "put into a buffer once more"
check "samples in a buffer" "$(fleet query "${range[@]}" --database buffered --by host | tail -n 1 | cut -f 2)" == $((2 * $(samples "$tmp/a.data")))
check "windows in a buffer" "$(sql 'SELECT count() FROM buffered.windows')" == 2

# ---- what is too old
WINDOWS=1 "$put" "$url" egret web-1 "$((from - 90 * 86400))" "$tmp/a.data" || fail "put an old window"
before=$(total)
fleet expire --keep=30 2>"$tmp/out" || fail "expire: $(cat "$tmp/out")"
check "expired" "$(total)" == $((before - $(samples "$tmp/a.data")))
fleet query "${range[@]}" -f folded -w "host=web-1" >"$tmp/stored"
"$egret" export -i "$tmp/a.data" -f folded -o "$tmp/local"
same_lines "$tmp/local" "$tmp/stored" || fail "stacks after expire"
finish
