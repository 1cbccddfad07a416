#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The browser of egret report on a terminal: its numbers are those of the text, and its keys work.
# shellcheck source=tests/system/terminal_lib.sh
. "$(dirname "$0")/terminal_lib.sh"
need_root

# Two threads, one of which has a name that would clear the screen and ring.
make_program() {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-optimize-sibling-calls -Itests/workloads -pthread -x c - \
		-o "$tmp/program" <<-'END'
		#include "spin.h"
		#include <pthread.h>
		#include <sys/prctl.h>
		FRAME int work_leaf(int ms) { spin_ms(ms); return ms; }
		FRAME int work_left(int ms) { return work_leaf(ms) + 1; }
		FRAME int work_right(int ms) { return work_leaf(ms) + 2; }
		static void *thread(void *arg)
		{
			prctl(PR_SET_NAME, "ev\033[2J\007il");
			work_right(100);
			return arg;
		}
		int main(void)
		{
			pthread_t t;
			pthread_create(&t, NULL, thread, NULL);
			work_left(200);
			pthread_join(t, NULL);
			return 0;
		}
	END
}
make_program || fail "no program"
record -F 1999 -- "$tmp/program" || fail "no recording"

text() { "$egret" report --stdio --percent-limit=0 -i "$tmp/data" "$@"; }
# share FUNCTION COLUMN: of the text, "12.3 %".
share() {
	text --no-tree | awk -v f="$1" -v c="$2" '$6 == f { print $(2 * c - 1) " %" }'
}
samples=$(text | sed -n 's/^# samples:  //p')

browser="env TERM=xterm-256color LC_ALL=C.UTF-8 $egret report -i $tmp/data"
browser_exec="exec $browser"
run_on 80 24 "$browser"
sees "^data .*cpu-clock at 1999 Hz: $samples samples, [0-9]+ lost$"
sees '^functions by self'
sees '^\? help  q quit'
press s
sees '^functions by total'
sees " $(share work_leaf 1) +$(share work_leaf 2) .* ▸ work_leaf +program$"
sees " +$(share work_left 2) .* work_left +program$"

# Callers and callees, inline: work_leaf is called from two places.
press / ; press -l work_leaf ; press Enter Enter
sees '▾ callers'
sees ' ▸? *▾? *work_left'
sees 'work_right'
press Enter
sees '^functions by total'
shows_not 'callers'

# Into a thread and out again. Its name is shown, and steers nothing.
press 4
sees '^threads by'
sees 'ev\?\[2J\?il'
press / ; press -l il ; press Enter i
sees '› thread [0-9]+ ev\?\[2J\?il'
sees 'work_right'
shows_not 'work_left'
sees "[0-9,]+ of $samples samples"
press o
sees 'work_left'
press f ; press -l '^work_left$' ; press Enter
sees '› with \^work_left\$'
shows_not work_right
press BSpace
sees work_right
press x ; press -l '(' ; press Enter
sees "not an expression|[Uu]nmatched|'\('"
press '?'
sees 'into the module of the selected function'
press q 5
sees '^modules by'

# Another size, and back.
tm resize-window -x 200 -y 60
sees '^data {100,}.*samples'
tm resize-window -x 40 -y 10
sees '^data +cpu'
tm resize-window -x 80 -y 24
sees '^modules by'

# Lines and instructions of a function.
press 1 / ; press -l spin ; press Enter a
sees 'AT&T syntax'
press m
sees 'Intel syntax'
press q
sees '^functions by'

press q
sees '^ENDED 0'
sees '^MODE icanon'
given_back=$(printf '\033[?1049l')
wrote "$given_back" || fail "the screen was not given back"
grep -qF "$(printf '\033[2J\007')" "$tmp/raw" && fail "a name reached the terminal"

# Ended from outside it gives the terminal back too.
for signal in INT TERM; do
	run_on 80 24 "sh -c 'echo \$\$ >$tmp/pid; $browser_exec'"
	sees '^functions by'
	if [ $signal = INT ]; then
		press C-c
	else
		kill -TERM "$(cat "$tmp/pid")"
	fi
	sees '^ENDED 1(30|43)'
	sees '^MODE icanon'
	wrote "$given_back" || fail "$signal: the screen was not given back"
done

# In the locale C only ASCII is written.
run_on 80 24 "TERM=xterm LC_ALL=C $egret report -i $tmp/data"
sees '\+ work_leaf'
press q
sees '^ENDED 0'
wrote 'ENDED 0' || fail "the end was not written"
LC_ALL=C grep -q '[^ -~[:cntrl:]]' "$tmp/raw" && fail "not ASCII in the locale C"

# No screen where there is none, and where text is asked for.
run_on 80 24 "TERM=dumb $egret report -i $tmp/data | head -n 3; TERM=dumb $egret report -i $tmp/data -n 1"
sees '^ENDED 0'
shows_not '^functions by'
run_on 80 24 "$browser --stdio --no-tree"
sees '^ENDED 0'
sees '^ +Self +Total +Samples'
run_on 80 24 "TERM=dumb $egret report --tui -i $tmp/data"
sees '^ENDED 1'
sees '^egret: --tui needs a terminal'

finish
