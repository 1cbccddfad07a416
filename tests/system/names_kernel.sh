#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Lines and inlined functions of the kernel that runs, by `egret symbolize` and in recordings, also in one
# that is replayed: of a vmlinux of its build-id, which is made here. In it do_syscall_64, at another
# address than where it runs, consists of two lines and a function that is inlined between them.
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/kernel_bound"

id=$(od -An -v -tx1 -j16 -N20 /sys/kernel/notes | tr -d ' \n')
[ ${#id} = 40 ] || skip "the kernel tells no build-id"
# The kernel's own symbols are in the order of their addresses.
read -r start end < <(awk '$3 == "do_syscall_64" { start = $1; next }
	start && $1 != start { print start, $1; exit }' /proc/kallsyms)
if [ -z "${end:-}" ] || [ "$((0x$start))" = 0 ]; then
	skip "no do_syscall_64 in /proc/kallsyms"
fi
debug=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
[ ! -e "$debug" ] || skip "there is a vmlinux of this kernel already"
at_end+=("rm -f '$debug'; rmdir '${debug%/*}' 2>/dev/null")

cat >"$tmp/fake.c" <<'END'
static inline __attribute__((always_inline)) void entered(void)
{
	asm volatile(".skip %c0, 0x90" :: "i"(SIZE - 8));
}
__attribute__((section(".moved"), naked)) void do_syscall_64(void)
{
	asm volatile(".skip 4, 0x90");
	entered();
	asm volatile(".skip 4, 0x90");
}
__attribute__((naked)) void _start(void) { asm volatile("ret"); }
END
size=$((0x$end - 0x$start)) moved=$((0x1000000))
linked=$(printf 0x%x $((0x$start - moved)))
mkdir -p "${debug%/*}"
# A naked function takes no statement but asm, which an inlined one is.
gcc -DSIZE=$size -O2 -g -mcmodel=kernel -fno-pic -no-pie -static -nostdlib -fno-reorder-functions \
	-Wl,--section-start=.moved="$linked" -Wl,--build-id=0x"$id" -Wl,-Ttext=0xffffffff80000000 \
	-Wl,--defsym,_stext="$(printf 0x%x $((0x$(awk '$3 == "_stext" { print $1 }' /proc/kallsyms) - moved)))" \
	-x c "$tmp/fake.c" -o "$debug" 2>"$tmp/err" || { cat "$tmp/err"; fail "no vmlinux"; finish; }

at() { printf %x $((0x$start + $1)); }
"$egret" symbolize -k --no-cache "$(at 1)" "$(at 8)" "$(at $((size - 2)))" | sed "s|$tmp/||" >"$tmp/out"
cat >"$tmp/want" <<END
0x$(at 1)	do_syscall_64	fake.c:7	[kernel.kallsyms]
0x$(at 8)	entered	fake.c:3	[kernel.kallsyms]
	do_syscall_64	fake.c:8	[kernel.kallsyms]
0x$(at $((size - 2)))	do_syscall_64	fake.c:9	[kernel.kallsyms]
END
diff "$tmp/want" "$tmp/out" || fail "symbolize -k"
"$egret" symbolize -p $$ --no-cache "$(at 8)" | sed "s|$tmp/||" | diff <(sed -n 2,3p "$tmp/want") - ||
	fail "symbolize -p"

# Samples below the inlined function, with the lines of both.
samples() {
	"$egret" script -F ip,sym,srcline -i "$1" | tr -d '\t' >"$tmp/script"
	grep -A 3 entered "$tmp/script" | tr '\n' ' ' | grep -cE 'entered.*fake\.c:3.*do_syscall_64.*fake\.c:8'
	grep -c entered "$tmp/script"
}
record --raw -- "$workloads/kernel_bound"
mapfile -t live < <(samples "$tmp/data")
check "with both lines" "${live[0]}" == 1
check "below the inlined function" "${live[1]}" '>' 100
"$egret" replay -i "$tmp/data" -o "$tmp/again" >/dev/null 2>&1 || fail "replay"
mapfile -t again < <(samples "$tmp/again")
check "replayed, with both lines" "${again[0]}" == 1
check "replayed, below the inlined function" "${again[1]}" == "${live[1]}"
finish
