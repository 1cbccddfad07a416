# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# terminal_lib.sh - a program on a terminal of tmux: keys to it, and what is on its screen.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v tmux >/dev/null || skip "needs tmux"
# A server of our own, which knows nothing of its user's settings.
tm() { tmux -S "$tmp/tmux" -f /dev/null "$@"; }
at_end+=('tm kill-server 2>/dev/null')

# on_terminal COLUMNS ROWS COMMAND: runs it; what it writes is in $tmp/raw, byte for byte. The shell
# says "ENDED STATUS" behind it, and whether the terminal still echoes.
on_terminal() {
	tm kill-server 2>/dev/null
	rm -f "$tmp/tmux" "$tmp/raw"
	printf '%s\n' 'trap : INT' "$3" 'echo "ENDED $?"' 'stty -a | grep -o "[-]*icanon" | sed "s/^/MODE /"' \
		'exec sleep 1000' >"$tmp/on_terminal"
	tm new-session -d -x "$1" -y "$2" "sleep 1000" \; set-option -g remain-on-exit on \; \
		respawn-pane -k "sh $tmp/wait_for_go" 2>"$tmp/tmux.err" || fail "no terminal: $(cat "$tmp/tmux.err")"
}
printf '%s\n' "while [ ! -e '$tmp/go' ]; do sleep 0.02; done" "exec sh '$tmp/on_terminal'" >"$tmp/wait_for_go"

# run_on COLUMNS ROWS COMMAND
run_on() {
	rm -f "$tmp/go"
	on_terminal "$@"
	tm pipe-pane "cat >'$tmp/raw'"
	touch "$tmp/go"
}

screen() { tm capture-pane -p; }
press() { tm send-keys "$@"; }

# sees PATTERN: waits until the screen matches an extended regular expression.
sees() {
	local _

	for _ in $(seq 200); do
		screen | grep -qE -- "$1" && return 0
		sleep 0.05
	done
	printf '%s:%s: not on the screen: %s\n' "${BASH_SOURCE[1]}" "${BASH_LINENO[0]}" "$1"
	screen | sed 's/^/      | /'
	failures=$((failures + 1))
	return 1
}

# shows_not PATTERN: of the screen as it is.
shows_not() {
	! screen | grep -qE -- "$1" || {
		printf '%s:%s: is on the screen: %s\n' "${BASH_SOURCE[1]}" "${BASH_LINENO[0]}" "$1"
		failures=$((failures + 1))
	}
}

# wrote TEXT: waits until this was written to the terminal, byte for byte.
wrote() {
	local _

	for _ in $(seq 200); do
		grep -qF -- "$1" "$tmp/raw" && return 0
		sleep 0.05
	done
	return 1
}
