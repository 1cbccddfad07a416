#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Code made at run time has its name: by a jitdump (the code that was at the address at that time, and
# its lines), by the maps of node and of java, and in a container that is gone a moment later.
. "$(dirname "$0")/maps_lib.sh"
need_root

unnamed() { # of the code made at run time
	"$egret" report --why -i "$tmp/data" | awk '$8 == "[jit]" { gsub(",", "", $1); sum += $1 } END { print sum + 0 }'
}

record --raw -- "$workloads/jitdump" 300 "$tmp"
three_codes() {
	check "the first code: $1" "$(samples_of ';run;jit_first_\[j\](;.*_\[k\])? ')" '>' 270
	check "the code that came after it, and moved: $1" "$(samples_of ';run;jit_second_\[j\](;.*_\[k\])? ')" '>' 560
	check "code that never ran: $1" "$(samples_of 'jit_never')" == 0
	check "without a name: $1" "$(unnamed)" == 0
}
three_codes "live"
"$egret" replay -i "$tmp/data" -o "$tmp/again" >/dev/null 2>&1
"$egret" export --format=folded -i "$tmp/again" >"$tmp/folded"
three_codes "replayed"
"$egret" export --format=pprof -i "$tmp/data" -o - | gunzip | grep -aq /srv/first.js || fail "no file is told"
rm -f "$tmp"/jit-*.dump

# Python's trampolines (-X perf, 3.12) write a perf map: names with a path and a line's worth of spaces.
record -- "$workloads/jit" 300 "py::Worker.<lambda> step:/srv/my app.py"
check "a name as Python writes them" \
	"$(samples_of ';run;py::Worker\.<lambda> step:/srv/my app\.py_\[j\](;.*_\[k\])? ')" '>' 260

# A file system and a number of its own, for a third of a second.
unshare --mount --pid --fork true 2>/dev/null || skip "no namespaces here"
mkdir "$tmp/root"
cat >"$tmp/enter" <<END
mount -t tmpfs none "$tmp/root" || exit 1
mkdir -p "$tmp/root/bin" "$tmp/root/tmp"
cp "$workloads/jit" "$tmp/root/bin/inner"
for lib in \$(ldd "$workloads/jit" | grep -o '/[^ ]*'); do
	mkdir -p "$tmp/root\${lib%/*}"
	cp -L "\$lib" "$tmp/root\$lib"
done
exec chroot "$tmp/root" /bin/inner 300
END
[ ! -e /tmp/perf-1.map ] || skip "there is a /tmp/perf-1.map"
record -- unshare --mount --pid --fork sh "$tmp/enter"
check "a container that is gone at once" "$(samples_of '^inner;.*;run;jit_work_\[j\](;.*_\[k\])? ')" '>' 260
check "without a name there" "$(unnamed)" == 0

if java=$(command -v java) && command -v javac >/dev/null; then
	cat >"$tmp/Work.java" <<-END
		public class Work {
		    static int inner(int n) { int s = 0; for (int i = 0; i < n; i++) s = s * 31 + (i ^ s); return s; }
		    static int outer(int n) { int s = 0; for (int i = 0; i < 100; i++) s += inner(n + i); return s; }
		    public static void main(String[] args) {
		        int t = 0;
		        for (long end = System.nanoTime() + 1000000000L; System.nanoTime() < end;)
		            t += outer(2000);
		        System.out.println(t);
		    }
		}
	END
	javac -d "$tmp" "$tmp/Work.java" || fail "javac"
	record -- "$java" -XX:+UnlockDiagnosticVMOptions -XX:+DumpPerfMapAtExit -cp "$tmp" Work
	check "methods of java" "$(samples_of ';int Work\.(inner|outer)\(int\)_\[j\]')" '>' 50
	check "code of java without a name, of 100 samples" \
		$(($(unnamed) * 100 / ($(stat_of samples.written) + 1))) '<' 1
fi

if node=$(command -v node); then
	cat >"$tmp/work.js" <<-END
		function innerLoop(n) { let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) % 1000003; return s; }
		const end = Date.now() + 800;
		let total = 0;
		while (Date.now() < end) total += innerLoop(5000);
		console.log(total);
	END
	(cd "$tmp" && "$OLDPWD/$egret" record -q -o "$tmp/data" -- "$node" --perf-prof "$tmp/work.js") >/dev/null
	"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
	check "functions of node's jitdump" "$(samples_of 'innerLoop.*_\[j\]')" '>' 20
	check "code of node without a name, of 100" \
		$(($(unnamed) * 100 / ($(samples_of .) + 1))) '<' 3
fi
finish
