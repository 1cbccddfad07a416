#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Real programs: of all frames less than 1 % are without a name where the file or its debug file has
# one, and every frame without one says why.
. "$(dirname "$0")/maps_lib.sh"
need_root

# has_no_more FILE: it was stripped, and no debug file of it is installed.
has_no_more() {
	local id

	id=$(readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p')
	! readelf -SW "$1" 2>/dev/null | grep -Eq ' (\.symtab|\.gnu_debugdata|\.gopclntab) ' &&
		[ ! -e "/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug" ]
}

all=0 without=0
# names WHAT CMD...: counts its frames, and those without a name that might have one.
names() {
	local what=$1 frames missing=0 lines

	shift
	command -v "$1" >/dev/null || {
		echo "$what: not here"
		return
	}
	record -- "$@" || fail "$what: $(tail -n 2 "$tmp/out")"
	"$egret" report --why -i "$tmp/data" >"$tmp/why"
	frames=$(sed -nE '1s/.* of ([0-9,]+) \(.*/\1/p' "$tmp/why" | tr -d ,)
	lines=$(awk '$3 == "%" && $6 == "%" { gsub(",", "", $1); print $1, $7, $8 }' "$tmp/why")
	while read -r n reason file; do
		[ -n "$n" ] || continue
		case $reason in
		not-asked | unknown) fail "$what: $n frames of $file do not say why" ;;
		stripped) has_no_more "$file" || [[ $file == "["* ]] || missing=$((missing + n)) ;;
		*) missing=$((missing + n)) ;;
		esac
	done <<<"$lines"
	printf '%s: %d frames, %d without a name that may have one\n' "$what" "$frames" "$missing"
	check "frames without a name, of 1000: $what ($(grep -v '^#' "$tmp/why" | head -n 4))" \
		"$(permille "$missing" "$frames")" '<' 10
	all=$((all + frames)) without=$((without + missing))
}

cat >"$tmp/a.cc" <<END
#include <map>
#include <string>
int main() { std::map<std::string, std::string> m; m["a"] = "b"; return (int)m.size(); }
END
cat >"$tmp/work.js" <<END
const end = Date.now() + 600; let n = 0;
while (Date.now() < end) n += JSON.stringify([...Array(100)].map((_, i) => ({ i }))).length;
END
names "g++" g++ -O1 -c "$tmp/a.cc" -o "$tmp/a.o"
names "python3" python3 -c 'print(sum(hash(str(i)) for i in range(200000)) & 1)'
names "sqlite3" sqlite3 :memory: 'with recursive c(x) as (select 1 union all select x+1 from c where x < 200000) select sum(x % 7), group_concat(x) is null from c'
names "git" git log -p -n 100
names "xz" xz -k -c -2 "$build/egret"
names "node" node --perf-basic-prof --logfile="$tmp/v8.log" "$tmp/work.js"
if command -v javac >/dev/null; then
	cat >"$tmp/W.java" <<-END
		public class W { public static void main(String[] a) { int t = 0;
			for (long e = System.nanoTime() + 500000000L; System.nanoTime() < e;) t += Integer.toString(t).hashCode(); System.out.println(t); } }
	END
	javac -d "$tmp" "$tmp/W.java"
	names "java" java -XX:+UnlockDiagnosticVMOptions -XX:+DumpPerfMapAtExit -cp "$tmp" W
fi
names "Go" "$workloads/goframes" 300
if command -v rustc >/dev/null; then
	cat >"$tmp/w.rs" <<-END
		use std::collections::HashMap;
		fn main() { let mut m = HashMap::new(); for i in 0..6000000u64 { *m.entry(i % 1000).or_insert(0u64) += i; } println!("{}", m.len()); }
	END
	rustc -O -o "$tmp/rust" "$tmp/w.rs" 2>/dev/null && names "Rust" "$tmp/rust"
fi
printf 'all: %d frames, %d without a name that may have one\n' "$all" "$without"
check "frames without a name, of 1000" "$(permille "$without" "$all")" '<' 10
check "frames" "$all" '>' 5000
finish
