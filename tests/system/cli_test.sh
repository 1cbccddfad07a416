#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# cli_test.sh: what the command line says, and with which exit status, where nothing is recorded.
# Needs no privileges. EGRET: the program to test.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
egret=${EGRET:-$root/${O:-build}/egret}
egret=$(realpath "$egret")
[ -x "$egret" ] || { echo "there is no $egret"; exit 1; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export LC_ALL=C.UTF-8
failures=0

fail() {
	printf 'FAIL: %s\n' "$1"
	sed 's/^/    out| /' out
	sed 's/^/    err| /' err
	failures=$((failures + 1))
}

run() { # STATUS ARGUMENT...: runs egret, and checks its exit status
	local want=$1 got
	shift
	label="egret $*"
	"$egret" "$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$want" ] || fail "$label: exit status $got, not $want"
}

out_has() { grep -qF -e "$1" out || fail "$label: standard output lacks '$1'"; }
err_is() { [ "$(cat err)" = "$1" ] || fail "$label: standard error is not '$1'"; }
err_has() { grep -qF -e "$1" err || fail "$label: standard error lacks '$1'"; }
one_line() { # each error is one line that says who speaks
	if [ "$(wc -l <err)" != 1 ] || ! grep -q '^egret: ' err; then
		fail "$label: not one line of 'egret: ...'"
	fi
}
no_files() { # PATTERN: nothing of that name was left
	compgen -G "$1" >/dev/null && fail "$label: left $(compgen -G "$1" | tr '\n' ' ')"
}

long_options() { # FILE: of a help text
	grep -oE '^  (-[a-zA-Z], |    )--[a-z-]+' "$1" | grep -oE -e '--[a-z-]+'
}

commands='flame record report top annotate export replay symbolize cfi cache doctor help completion'

# Help of egret and of each command, both ways.
run 0 help
cp out overview
run 0 --help
cmp -s out overview || fail "egret --help is not egret help"
for c in $commands; do
	grep -qE "^  $c +[a-z]" overview || fail "egret help does not list $c"
	run 0 help "$c"
	cp out "help.$c"
	out_has "Usage: egret $c"
	run 0 "$c" --help
	cmp -s out "help.$c" || fail "egret $c --help is not egret help $c"
	run 0 "$c" -h
	cmp -s out "help.$c" || fail "egret $c -h is not egret help $c"
	# No name or letter twice: the second would never be found.
	twice=$({ long_options "help.$c"; grep -oE '^  -[a-zA-Z]' "help.$c"; } | sort | uniq -d)
	[ -z "$twice" ] || fail "egret $c has twice: $twice"
done
[ -s err ] && fail "help wrote to standard error"
run 0 --version
grep -qxE 'egret [0-9]+\.[0-9]+\.[0-9]+' out || fail "egret --version is no version"
for o in --pid --tid --all-cpus --cgroup --freq --count --event --duration --delay --output \
	--switch-output --raw --stats --all-user --all-kernel --call-graph --capture --unwinder \
	--fault --stack-limit --buffer --max-threads --max-frames --idle --quiet --no-symbols; do
	grep -qE -e "$o\b" help.record || fail "egret help record lacks $o"
done
for o in --pid --freq --stats --fault --output --data; do
	grep -qE -e "$o\b" help.flame || fail "egret help flame lacks $o"
done

# Usage errors: status 2, one line that names the mistake, and the nearest right word.
usage() { # TEXT ARGUMENT...
	local text=$1
	shift
	run 2 "$@"
	one_line
	err_has "$text"
	[ -s out ] && fail "$label: wrote to standard output"
}
usage "no command given"
usage "unknown command 'recrod'; did you mean 'record'?" recrod
usage "unknown command 'lock'" lock
usage "no command 'reprot'; did you mean 'report'?" help reprot
usage "unknown option '--frequency'; did you mean '--freq'?" record --frequency 99 -- true
usage "unknown option '--satck-limit'; did you mean '--stack-limit'?" record --satck-limit=1M -- true
usage "unknown option '-Z'" record -Z -- true
usage "options follow the command" -F 99 record
usage "--freq wants a number above 0, or 'max', not 'fast'" record -F fast -- true
usage "--pid wants numbers above 0, separated by commas, not '1,x'" record -p 1,x
usage "--fault wants none, safe or any, not 'maybe'" record --fault=maybe -- true
usage "--capture wants auto, hook, task-work or inline, not 'x'" record --capture=x -- true
usage "--stack-limit wants a size" record --stack-limit=1Q -- true
usage "-o wants a value: FILE" record -o
usage "say what to record" record
usage "say what to record" flame -F 99
usage "-p, -t, -a and --cgroup exclude each other" record -a -p 1
usage "-F and -c exclude each other" record -F 99 -c 1000 -- true
usage "-F is 10000 Hz at most" record -F 10001 -- true
usage "-F is 10000 Hz at most" top -F 50000
usage "--all-user and --all-kernel exclude each other" record --all-user --all-kernel -- true
usage "--switch-output wants 'signal', a size" record --switch-output=often -- true
usage "--switch-output needs files" record --switch-output -o - -- true
usage "'report' takes no 'egret.data'" report egret.data
usage "--sort wants self, total, comm, pid, tid, cpu, label:KEY, dso, sym or srcline, not 'name'" report --sort=comm,name
usage "--percent-limit wants a number from 0 to 100, not '101'" report --percent-limit 101
usage "unknown format 'nothing'; there are: folded, html, flamegraph" export --format=nothing
usage "'completion' wants 'bash' or 'events'" completion zsh
no_files 'egret.data*'
printf 'x\033[31my' >name
usage "unknown command 'x?[31my'" "$(cat name)"

# Recordings that cannot be read: status 1, one line with the name, nothing left behind.
echo 'this is no recording' >text.data
: >empty.data
mkdir directory
for c in report export replay; do
	run 1 $c -i nosuch.data
	one_line
	err_has 'nosuch.data'
	err_has 'No such file or directory'
	for f in text.data empty.data directory; do
		run 1 $c -i $f
		one_line
		err_has "$f"
		[ -s out ] && fail "$label: wrote to standard output"
	done
	if [ "$(id -u)" != 0 ]; then
		: >secret.data && chmod 0 secret.data
		run 1 $c -i secret.data
		one_line
		err_has 'Permission denied'
	fi
done
run 1 report
err_has "egret record -- COMMAND"
: >egret.data.part
run 1 report
err_has "egret.data.part"
rm -f egret.data.part
run 1 export -i text.data -o page.html
no_files 'page.html*'
run 1 replay -i text.data -o again.data
no_files 'again.data*'
rm -f egret.replay.data*

# Standard output that cannot be written.
"$egret" help >/dev/full 2>err
[ $? = 1 ] || fail "egret help >/dev/full does not fail"
label='egret help >/dev/full'
err_is 'egret: cannot write standard output: No space left on device'

# Recording without privileges: one line, status 1, no file.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 777 .
	unprivileged() { setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$@"; }
else
	unprivileged() { "$@"; }
fi
if unprivileged test -x "$egret"; then
	label='egret record, unprivileged'
	unprivileged "$egret" record -o un.data -- touch was-run >out 2>err
	[ $? = 1 ] || fail "$label: exit status is not 1"
	one_line
	no_files 'un.data*'
	no_files was-run
fi

# Completion: what bash would offer.
run 0 completion bash
cp out egret.bash
bash -n egret.bash || fail "the completion script is not bash"
complete_words() { # WORD...: completes the last one
	bash --norc -c 'source ./egret.bash
		egret() { "$EGRET" "$@"; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_egret
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>err | sort >out
	label="completion of '$*'"
}
export EGRET=$egret
offers() { grep -qxF -e "$1" out || fail "$label does not offer $1"; }
offers_not() { grep -qxF -e "$1" out && fail "$label offers $1"; }
complete_words egret re
offers record
offers report
offers replay
offers_not flame
complete_words egret record --s
offers --stats
offers --stack-limit=
offers --switch-output
offers_not --raw
complete_words egret report --s
offers --sort=
offers_not --switch-output
complete_words egret record --fault = s # as bash splits --fault=s
offers safe
offers_not any
complete_words egret record --fault =
offers none
offers any
complete_words egret record --switch-output = s
offers signal
complete_words egret record -i te
offers_not text.data
complete_words egret report -i te
offers text.data
complete_words egret help comp
offers completion
complete_words egret record -F 99 mkt
offers mktemp
complete_words egret record --switch-output mkt
offers mktemp
complete_words egret record -- mkt
offers mktemp
complete_words egret record --output = x mkt
offers mktemp
complete_words egret record ls te
offers text.data
for c in record flame report export replay; do
	complete_words egret $c --
	long_options "help.$c" >options
	while read -r o; do
		grep -qE -e "^$o=?$" out || fail "$label does not offer $o"
	done <options
done

[ $failures = 0 ] || { echo "$failures checks failed"; exit 1; }
echo "all checks passed"
