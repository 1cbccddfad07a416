/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack.bpf.h - where the stack of the current thread ends.
 *
 * Reading to the end of the mapping would be simple and wrong: a pthread stack and the heap arena
 * above it are often one mapping, a goroutine's stack lies among all others, and above the main
 * thread's stack lie the environment's secrets. So the end is the least of the things known.
 */
#ifndef EGRET_STACK_BPF_H
#define EGRET_STACK_BPF_H

#include "common.bpf.h"

/*
 * So that the verifier does not tell apart where two numbers are the same one and where they are
 * not: it would look at what follows once for each.
 */
#define forget_origin(number) asm volatile("%0 ^= 0" : "+r"(number))

/* A run of stack bytes to read. What its pages depend on is only looked at when one is missing. */
struct stack_range {
	u64 start;
	u32 len;	 /* bytes to read, at most the limit */
	u32 wanted;	 /* bytes that there are */
	u64 magic;	 /* of the file system behind it, magic.h; 0: none */
	u64 userfaultfd; /* not 0: one is registered */
	u64 locked;	 /* not 0: the mappings could not be asked for, the above is not known */
};

/* What to read of one thread: its stack, and the interrupted one below a handler's alternate stack.
 */
struct stack_plan {
	struct stack_range range[2];
	u32 n;
	u32 ending; /* WHOLE, or LIMIT, or why there is nothing to read */
};

/*
 * Whether pages of a file system come from another process or machine, by its magic number
 * (magic.h). Global, so that the verifier follows its cases once.
 */
__attribute__((noinline)) int remote_filesystem(u64 magic)
{
	switch ((u32)magic) {
	case 0x65735546: /* FUSE, virtiofs */
	case 0x6969:	 /* NFS */
	case 0xff534d42: /* CIFS */
	case 0xfe534d42: /* SMB2 */
	case 0x00c36400: /* Ceph */
	case 0x01021997: /* 9P */
	case 0x5346414f: /* AFS */
	case 0x73757245: /* Coda */
	case 0x0bd00bd0: /* Lustre */
	case 0x7461636f: /* OCFS2 */
	case 0x01161970: /* GFS2 */
	case 0x786f4256: /* vboxsf */
		return true;
	default:
		return false;
	}
}

/* Whether missing pages of a range are brought in by somebody who may never answer. */
static __always_inline bool is_unsafe(const struct stack_range *range)
{
	return range->locked || range->userfaultfd || remote_filesystem(range->magic);
}

struct vma_facts {
	u64 start, end, flags;
	u64 file;		/* 0: anonymous */
	u64 magic, userfaultfd; /* see struct stack_range */
};

/* Without branches: each would double what the verifier has to follow at every caller. */
static long read_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	struct vma_facts *facts = arg;

	facts->start = BPF_CORE_READ(vma, vm_start);
	facts->end = BPF_CORE_READ(vma, vm_end);
	facts->flags = BPF_CORE_READ(vma, vm_flags);
	facts->file = (u64)BPF_CORE_READ(vma, vm_file);
	facts->magic = BPF_CORE_READ(vma, vm_file, f_inode, i_sb, s_magic);
	if (bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx))
		facts->userfaultfd = (u64)BPF_CORE_READ(vma, vm_userfaultfd_ctx.ctx);
	return 0;
}

static __always_inline long find_vma_of(struct task_struct *task, u64 addr, struct vma_facts *facts)
{
	__builtin_memset(facts, 0, sizeof(*facts));
	return bpf_find_vma(task, addr, read_vma, facts, 0);
}

/*
 * The mapping of the current thread that holds addr. 0, -ENOENT, or -EBUSY: the address space is
 * locked. Global, so that the verifier follows its callback once and not once a caller and path.
 */
__attribute__((noinline)) int find_vma(struct vma_facts *facts, u64 addr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vma_facts found; /* a callback's argument is on the stack of its caller */
	long err;

	if (!facts)
		return -EBUSY;
	err = find_vma_of(task, addr, &found);
	if (err == -EBUSY)
		err = find_vma_of(task, addr, &found);
	*facts = found;
	return err;
}

/*
 * Whose memory is read: the current thread's, without faulting; or, in sleepable programs only,
 * another's. A constant where it is inlined, so that the other half is not in the program.
 */
enum whose { CURRENT, REMOTE };

static __always_inline u64 read_user_u64(enum whose whose, struct task_struct *task, u64 addr)
{
	u64 value = 0;

	if (whose == REMOTE)
		bpf_copy_from_user_task(&value, sizeof(value), (void *)addr, task, 0);
	else
		bpf_probe_read_user(&value, sizeof(value), (void *)addr);
	return value;
}

/*
 * A goroutine's stack: g lies at fs:-8 (runtime/asm_amd64.s, TLS offset of ELF), and g begins with
 * stack.lo, stack.hi (runtime2.go). Taken only when it makes sense for this stack pointer.
 */
static __always_inline u64 goroutine_end(enum whose whose, struct task_struct *task, u64 fs_base,
					 u64 sp, u64 end)
{
	u64 g = read_user_u64(whose, task, fs_base - 8);
	u64 lo, hi;

	if (!g || g & 7)
		return end;
	lo = read_user_u64(whose, task, g);
	hi = read_user_u64(whose, task, g + 8);
	return lo < sp && sp <= hi && hi < end && hi - lo <= (1ull << 30) ? hi : end;
}

/* What marks the end of a stack inside [sp, end): the thread pointer, or the main thread's start.
 */
static __always_inline bool known_end(struct task_struct *task, u64 fs_base, u64 sp, u64 *end)
{
	u64 start_stack = BPF_CORE_READ(task, mm, start_stack);

	if (fs_base > sp && fs_base <= *end) {
		*end = fs_base; /* a pthread's descriptor lies above its stack
				   (nptl/allocatestack.c) */
		return true;
	}
	if (start_stack >= sp && start_stack < *end) {
		/* argc and argv[0]; the strings of the environment lie above */
		*end = start_stack + 16 < *end ? start_stack + 16 : *end;
		return true;
	}
	return false;
}

/* Read, write, execute, and what makes a mapping no stack. (A userfaultfd splits mappings: it is no
 * difference.) */
#define SAME_STACK_FLAGS (0x7ul | VM_SHARED | VM_PFNMAP | VM_IO)

/* A stack goes on in the next mapping where that is private, anonymous and alike. */
static __always_inline u64 walk_on(struct task_struct *task, u64 fs_base, u64 end, u64 flags,
				   u64 limit, struct stack_range *range)
{
	u64 sp = range->start;
	struct vma_facts next;

	for (int i = 0; i < 3; i++) {
		if (end - sp >= limit || find_vma(&next, end) || next.file)
			break;
		if ((next.flags ^ flags) & SAME_STACK_FLAGS || next.flags & VM_SHARED)
			break;
		range->userfaultfd |= next.userfaultfd;
		end = next.end;
		if (known_end(task, fs_base, sp, &end))
			break;
		forget_origin(end);
	}
	forget_origin(end);
	return end;
}

/*
 * The address space is locked by another thread, so that its mappings cannot be asked for: the end
 * is where the registers say, and missing pages are left alone.
 */
static __always_inline u32 range_without_vma(struct task_struct *task, u64 fs_base, u64 sp,
					     u32 limit, struct stack_range *range)
{
	u64 end = sp + limit;

	known_end(task, fs_base, sp, &end);
	range->len = end - sp;
	range->wanted = range->len;
	range->locked = 1;
	return EGRET_CAPTURE_WHOLE;
}

/* The stack from range->start on, at most limit bytes of it. Fills range; returns an ending. */
static __always_inline u32 find_range(enum whose whose, struct task_struct *task, u64 fs_base,
				      u32 limit, struct stack_range *range)
{
	u64 sp = range->start;
	struct vma_facts vma;
	u64 end, go;
	bool known;
	long err;

	err = whose == REMOTE ? find_vma_of(task, sp, &vma) : find_vma(&vma, sp);
	if (err == -EBUSY)
		return range_without_vma(task, fs_base, sp, limit, range);
	if (err)
		return EGRET_CAPTURE_NO_STACK;
	if (vma.flags & (VM_IO | VM_PFNMAP))
		return EGRET_CAPTURE_BAD_ADDRESS;
	range->magic = vma.magic;
	range->userfaultfd = vma.userfaultfd;
	end = vma.end;
	known = known_end(task, fs_base, sp, &end);
	forget_origin(end);
	/* Another thread may have its descriptor above a goroutine in the same arena: the least. */
	go = goroutine_end(whose, task, fs_base, sp, end);
	if (go != end)
		end = go;
	else if (!known && whose == CURRENT && !vma.file && !(vma.flags & VM_SHARED))
		end = walk_on(task, fs_base, end, vma.flags, limit, range);

	forget_origin(end);
	range->wanted = end - sp > 0xffffffffull ? 0xffffffffu : (u32)(end - sp);
	range->len = range->wanted > limit ? limit : range->wanted;
	return range->wanted > limit ? EGRET_CAPTURE_LIMIT : EGRET_CAPTURE_WHOLE;
}

/* struct rt_sigframe, arch/x86/include/asm/sigframe.h, as offsets. */
#define SIGFRAME_SIZE 440
#define SIGFRAME_STACK_SP 24   /* uc.uc_stack.ss_sp */
#define SIGFRAME_STACK_SIZE 40 /* uc.uc_stack.ss_size */
#define SIGFRAME_RSP 168       /* uc.uc_mcontext.sp */

static __always_inline bool is_sigframe(enum whose whose, struct task_struct *task, u64 frame,
					u64 stack, u64 size)
{
	return read_user_u64(whose, task, frame + SIGFRAME_STACK_SP) == stack &&
	       read_user_u64(whose, task, frame + SIGFRAME_STACK_SIZE) == size;
}

/*
 * The stack pointer of the code that was interrupted when the handler was put on the alternate
 * stack: in the first signal frame from its top, below the XSAVE area, whose size is known (without
 * AMX's tiles, which a process has to ask for). 0: not found.
 */
static __always_inline u64 interrupted_sp(enum whose whose, struct task_struct *task, u64 stack,
					  u64 size)
{
	u64 top = stack + size;
	u64 frame = ((((top - config.xsave_size) & ~63ull) - SIGFRAME_SIZE) & ~15ull) - 8;

	if (is_sigframe(whose, task, frame, stack, size))
		return read_user_u64(whose, task, frame + SIGFRAME_RSP);
	return 0;
}

/* Cuts the first range at the top of the alternate stack, and adds the stack below the handler. */
static __always_inline void plan_alternate(enum whose whose, struct task_struct *task, u64 fs_base,
					   u64 alt, u64 alt_size, struct stack_plan *plan)
{
	struct stack_range *on_alt = &plan->range[0], *below = &plan->range[1];
	u32 rest = alt + alt_size - on_alt->start;

	if (on_alt->wanted > rest)
		on_alt->wanted = rest;
	if (on_alt->len > rest)
		on_alt->len = rest;
	if (on_alt->len < on_alt->wanted)
		return;
	plan->ending = EGRET_CAPTURE_WHOLE;
	below->start = interrupted_sp(whose, task, alt, alt_size);
	if (!below->start || on_alt->len >= config.stack_limit)
		return;
	plan->ending = find_range(whose, task, fs_base, config.stack_limit - on_alt->len, below);
	plan->n = 2;
}

static __always_inline void plan_stack_of(enum whose whose, struct task_struct *task, u64 sp,
					  struct stack_plan *plan)
{
	u64 alt = BPF_CORE_READ(task, sas_ss_sp), alt_size = BPF_CORE_READ(task, sas_ss_size);
	u64 fs_base = BPF_CORE_READ(task, thread.fsbase);

	__builtin_memset(plan, 0, sizeof(*plan));
	plan->n = 1;
	plan->range[0].start = egret_stack_start(sp);
	plan->ending = find_range(whose, task, fs_base, config.stack_limit, &plan->range[0]);
	if (alt_size && sp > alt && sp - alt <= alt_size)
		plan_alternate(whose, task, fs_base, alt, alt_size, plan);
}

/*
 * Decides what to read for the current thread, whose user stack pointer is sp. Global, so that the
 * verifier looks at it once and not once a caller and path.
 */
__attribute__((noinline)) int plan_stack(struct stack_plan *plan, u64 sp)
{
	if (!plan)
		return 0;
	plan_stack_of(CURRENT, bpf_get_current_task_btf(), sp, plan);
	return 0;
}

#endif /* EGRET_STACK_BPF_H */
