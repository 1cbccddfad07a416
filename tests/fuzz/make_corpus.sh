#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# make_corpus.sh DIR: the first inputs of the fuzzers: DIR/cfi, from assembled CFI of each kind, and
# DIR/code, from assembly without. What is in tests/fuzz/corpus was made by this, with gcc 12 and
# binutils 2.40.
set -eu
corpus=${1:?wants a directory}
out=$corpus/cfi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$corpus/code"

seed() { # NAME FLAGS SECTION SOURCE
	gcc -c -x assembler - -o "$work/o" <<<"$4"
	# At the addresses that cfi_fuzz gives to code and section.
	ld -e 0 -Ttext=0x400000 --section-start="$3"=0x500000 "$work/o" -o "$work/elf"
	objcopy --dump-section "$3=$work/bytes" "$work/elf" /dev/null
	{ printf '%b\0\0\0\0\0\0\0%.8s' "$2" "$1-seed-----"; cat "$work/bytes"; } >"$out/$1"
}

body='	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	.cfi_remember_state
	push %r12
	.cfi_offset %r12, -24
	pop %r12
	.cfi_restore %r12
	.cfi_restore_state
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.cfi_startproc
	.cfi_signal_frame
	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06
	nop
	.cfi_escape 0x0f, 5, 0x77, 8, 0x32, 0x24, 0x1f
	.cfi_escape 0x10, 10, 2, 0x76, 0x70
	.cfi_escape 0x16, 11, 3, 0x38, 0x22, 0x1f
	nop
	.cfi_escape 0x2e, 16, 0x2f, 3, 2, 0x11, 6, 0x7e, 0x12, 7, 0x7f, 0x13, 0x7e, 0x14, 3, 2, 0x15, 12, 2
	.cfi_undefined %rbx
	.cfi_same_value %r13
	.cfi_register %r14, %rdx
	.skip 300
	.cfi_undefined %rip
	nop
	.cfi_endproc'
seed eh '\0' .eh_frame "	.text
$body"
seed debug '\1' .debug_frame "	.cfi_sections .debug_frame
	.text
$body"
seed augmented '\2' .eh_frame "	.text
	.cfi_startproc
	.cfi_personality 0x9b, personality
	.cfi_lsda 0x1b, lsda
	nop
	.cfi_def_cfa_offset 65536
	.skip 70000
	.cfi_endproc
	.data
personality: .quad 0
lsda:	.quad 0"

# aarch64's columns and operations, by x86's assembler; the return address in x30, then in x15.
seed link '\4' .eh_frame "	.text
	.cfi_startproc simple
	.cfi_return_column 30
	.cfi_def_cfa 31, 0
	nop
	.cfi_escape 0x2d
	nop
	.cfi_def_cfa_offset 48
	.cfi_offset 29, -48
	.cfi_offset 30, -40
	.cfi_offset 19, -32
	nop
	.cfi_remember_state
	.cfi_offset 28, -24
	.cfi_def_cfa_register 29
	nop
	.cfi_restore_state
	.cfi_restore 30
	.cfi_escape 0x10, 21, 2, 0x8f, 8
	.cfi_escape 0x16, 22, 4, 0x82, 0, 0x8d, 0x70
	nop
	.cfi_register 19, 9
	nop
	.cfi_undefined 30
	nop
	.cfi_endproc
	.cfi_startproc simple
	.cfi_return_column 15
	.cfi_def_cfa 31, 0
	nop
	.cfi_endproc"

out=$corpus/code
code() { # NAME FLAGS SOURCE
	gcc -c -x assembler - -o "$work/o" <<<"$3"
	objcopy -O binary -j .text "$work/o" "$work/bytes"
	{ printf '%b\0\0\0\0\0\0\0%.8s' "$2" "$1-seed-----"; cat "$work/bytes"; } >"$out/$1"
}

frames='	push %rbx
	push %r12
	sub $0x28, %rsp
	mov %edi, 4(%rsp)
	call 1f
	add $0x28, %rsp
	pop %r12
	pop %rbx
	ret
1:	push %rbp
	mov %rsp, %rbp
	and $-64, %rsp
	mov %rbp, 0x30(%rsp)
	call *%rax
	mov 0x30(%rsp), %rsp
	leave
	ret $16
2:	js 2b
	call *8(%rax,%rbx,8)
	pop %rcx
	jmp *%rcx
	push %rbp
	sub $0x50, %rsp
3:	jmp 3b'
code frames '\0' "$frames"
code file '\1' "$frames"
code bad_cfi '\3' "$frames"
code interpreter '\0' "	push %rbp
	push %rbx
	sub \$0x18, %rsp
	jmp *(%rbx,%rax,8)
	call . - 0x10
	nop
	call . - 0x20
	ud2
	xchg %rsp, %rax
	jmp *0x10(%rip)"
