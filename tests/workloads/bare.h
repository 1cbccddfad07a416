/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bare.h - functions in assembly without CFI, as people write them by hand. Each calls
 * bare_callee(n), or what else it is about, and returns.
 */
#ifndef BARE_H
#define BARE_H

int bare_callee(int n);
void bare_dirty_stack(int n);

int bare_leaf(int n);
int bare_push(int n);
int bare_sub(int n);
int bare_frame(int n);
int bare_leave(int n);
int bare_aligned(int n);
int bare_aligned_frame(int n);
int bare_stored_rsp(int n);
int bare_red_zone(int n);
int bare_loop(int n);
int bare_local_call(int n);
int bare_tail(int n);
int bare_tail_pointer(int n);
int bare_table(int n);
int bare_pop_jump(int n);
int bare_no_return(int n);
int bare_stale(int n);
int bare_moving(int n);
int bare_deep(int n);

#define FUNCTION(name) ".type " name ", @function\n.balign 16\n" name ":\n"

/* clang-format off */
__asm__(
	".text\n"
	FUNCTION("bare_leaf")
	"	mov	%edi, %eax\n"
	"	add	$1, %eax\n"
	"	test	%eax, %eax\n"
	"	js	1f\n"
	"	ret\n"
	"1:	neg	%eax\n"
	"	ret\n"
	FUNCTION("bare_push")
	"	push	%rbx\n"
	"	push	%r12\n"
	"	push	%rbp\n"
	"	mov	%edi, %ebx\n"
	"	xor	%ebp, %ebp\n"
	"	mov	$0x1234, %r12\n"
	"	call	bare_callee\n"
	"	add	%ebx, %eax\n"
	"	pop	%rbp\n"
	"	pop	%r12\n"
	"	pop	%rbx\n"
	"	ret\n"
	FUNCTION("bare_sub")
	"	sub	$0x88, %rsp\n"
	"	mov	%rdi, 8(%rsp)\n"
	"	movdqu	%xmm0, 32(%rsp)\n"
	"	call	bare_callee\n"
	"	mov	8(%rsp), %rdi\n"
	"	add	$0x88, %rsp\n"
	"	ret\n"
	FUNCTION("bare_frame")
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	push	%rbx\n"
	"	sub	$0x18, %rsp\n"
	"	mov	%edi, %ebx\n"
	"	call	bare_callee\n"
	"	mov	%ebx, %edi\n"
	"	lea	-8(%rbp), %rsp\n"
	"	pop	%rbx\n"
	"	pop	%rbp\n"
	"	ret\n"
	FUNCTION("bare_leave")
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	sub	$0x400, %rsp\n"
	"	call	bare_callee\n"
	"	leave\n"
	"	ret\n"
	FUNCTION("bare_aligned")
	"	mov	%rsp, %rax\n"
	"	push	%rbx\n"
	"	push	%r13\n"
	"	sub	$0x98, %rsp\n"
	"	and	$-64, %rsp\n"
	"	mov	%rax, 0x80(%rsp)\n"
	"	call	bare_callee\n"
	"	mov	0x80(%rsp), %rsi\n"
	"	mov	-16(%rsi), %r13\n"
	"	mov	-8(%rsi), %rbx\n"
	"	lea	(%rsi), %rsp\n"
	"	ret\n"
	FUNCTION("bare_aligned_frame")
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	push	%r14\n"
	"	and	$-32, %rsp\n"
	"	sub	$0x60, %rsp\n"
	"	xor	%r14d, %r14d\n"
	"	call	bare_callee\n"
	"	mov	-8(%rbp), %r14\n"
	"	mov	%rbp, %rsp\n"
	"	pop	%rbp\n"
	"	ret\n"
	FUNCTION("bare_stored_rsp")
	"	push	%r15\n"
	"	mov	%rsp, %r15\n"
	"	sub	$0x50, %rsp\n"
	"	and	$-32, %rsp\n"
	"	call	bare_callee\n"
	"	mov	%r15, %rsp\n"
	"	pop	%r15\n"
	"	ret\n"
	FUNCTION("bare_red_zone")
	"	mov	%rbx, -8(%rsp)\n"
	"	mov	%rbp, -16(%rsp)\n"
	"	mov	%edi, %ebx\n"
	"	xor	%ebp, %ebp\n"
	"	lea	1(%rbx,%rbp), %eax\n"
	"	mov	-8(%rsp), %rbx\n"
	"	mov	-16(%rsp), %rbp\n"
	"	ret\n"
	FUNCTION("bare_loop")
	"	push	%rbx\n"
	"	sub	$0x20, %rsp\n"
	"	mov	$3, %ebx\n"
	"1:	test	$1, %ebx\n"
	"	jz	2f\n"
	"	mov	%ebx, 4(%rsp)\n"
	"	jmp	3f\n"
	"2:	mov	%ebx, 8(%rsp)\n"
	"3:	mov	%ebx, %edi\n"
	"	call	bare_callee\n"
	"	dec	%ebx\n"
	"	jnz	1b\n"
	"	add	$0x20, %rsp\n"
	"	pop	%rbx\n"
	"	ret\n"
	FUNCTION("bare_local_call")
	"	sub	$0x18, %rsp\n"
	"	call	1f\n"
	"	add	$0x18, %rsp\n"
	"	ret\n"
	"1:	push	%rdi\n"
	"	call	bare_callee\n"
	"	pop	%rdi\n"
	"	ret\n"
	FUNCTION("bare_tail")
	"	sub	$0x28, %rsp\n"
	"	call	bare_callee\n"
	"	mov	$2, %edi\n"
	"	add	$0x28, %rsp\n"
	"	jmp	bare_callee\n"
	FUNCTION("bare_tail_pointer")
	"	push	%rbx\n"
	"	lea	bare_callee(%rip), %rbx\n"
	"	call	*%rbx\n"
	"	mov	%rbx, %rax\n"
	"	mov	$1, %edi\n"
	"	pop	%rbx\n"
	"	jmp	*%rax\n"
	FUNCTION("bare_table")
	"	push	%r12\n"
	"	sub	$0x30, %rsp\n"
	"	and	$1, %edi\n"
	"	lea	4f(%rip), %rax\n"
	"	movslq	(%rax,%rdi,4), %rdx\n"
	"	add	%rdx, %rax\n"
	"	jmp	*%rax\n"
	"1:	mov	$1, %edi\n"
	"	jmp	3f\n"
	"2:	mov	$2, %edi\n"
	"3:	call	bare_callee\n"
	"	add	$0x30, %rsp\n"
	"	pop	%r12\n"
	"	ret\n"
	".balign 4\n"
	"4:	.long	1b - 4b, 2b - 4b\n"
	FUNCTION("bare_pop_jump")
	"	push	%rdi\n"
	"	call	bare_callee\n"
	"	pop	%rdi\n"
	"	pop	%rcx\n"
	"	jmp	*%rcx\n"
	/* Behind the call of a function that does not return stands another function. */
	FUNCTION("bare_no_return")
	"	push	%rbx\n"
	"	sub	$0x10, %rsp\n"
	"	test	%edi, %edi\n"
	"	jns	1f\n"
	"	call	bare_abort\n"
	FUNCTION("bare_next")
	"	push	%rbp\n"
	"	sub	$0x20, %rsp\n"
	"	add	$0x20, %rsp\n"
	"	pop	%rbp\n"
	"	ret\n"
	"1:	call	bare_callee\n"
	"	add	$0x10, %rsp\n"
	"	pop	%rbx\n"
	"	ret\n"
	"bare_abort:\n"
	"	sub	$8, %rsp\n"
	"	ud2\n"
	/* Keeps what others have left on the stack, return addresses among it, in its frame. */
	FUNCTION("bare_stale")
	"	sub	$0x408, %rsp\n"
	"	call	bare_callee\n"
	"	nop\n"
	"	mov	%edi, %eax\n"
	"	add	$0x408, %rsp\n"
	"	ret\n"
	/* Moves rsp in a loop. */
	FUNCTION("bare_moving")
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	mov	$4, %ecx\n"
	"1:	sub	$0x20, %rsp\n"
	"	mov	%rcx, (%rsp)\n"
	"	dec	%ecx\n"
	"	jnz	1b\n"
	"	call	bare_callee\n"
	"	mov	%rbp, %rsp\n"
	"	pop	%rbp\n"
	"	ret\n"
	/* Two frames without CFI on top of each other. */
	FUNCTION("bare_deep")
	"	push	%r13\n"
	"	push	%r14\n"
	"	sub	$0x48, %rsp\n"
	"	xor	%r13d, %r13d\n"
	"	call	bare_push\n"
	"	call	bare_aligned\n"
	"	add	$0x48, %rsp\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	ret\n");
/* clang-format on */

#endif
