/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mappings.bpf.h - the mappings of a process that ran before, told by its first capture.
 *
 * perf tells of mappings that are made while it watches; what was there before can be read from
 * /proc, if the process still lives when user space comes to it. Told from the process's own
 * context, a process that dies a moment after its first sample resolves too.
 */
#ifndef EGRET_MAPPINGS_BPF_H
#define EGRET_MAPPINGS_BPF_H

#include "common.bpf.h"

extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task,
				 u64 addr) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;

/*
 * Processes (by tgid) whose mappings are known: told here, or followed by perf since their execve,
 * or copied by fork from one that is. The value is an enum telling.
 */
enum telling {
	TOLD = 1,
	UNTOLD = 2, /* not all found room in the ring: user space has to read /proc, and does not
		       know it yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u32);
} told SEC(".maps");

static __always_inline bool is_told(u32 tgid)
{
	return bpf_map_lookup_elem(&told, &tgid);
}

static __always_inline void set_told(u32 tgid, u32 telling)
{
	bpf_map_update_elem(&told, &tgid, &telling, BPF_ANY);
}

/*
 * Writes the names of a path from the file upwards, over mounts: one a turn, or none where a
 * mount's root is passed. Notes where the root of the process is (chroot, containers): up to there
 * is the path that the process sees. Returns how many names that are, and NAMES_WHOLE where it came
 * to the root of all. (Indexed by the turn, so that the verifier sees one loop and not all its
 * histories.)
 */
#define NAMES_WHOLE 0x100
static __noinline u32 read_names(struct egret_rec_vma *rec, u64 dentry, u64 mnt)
{
	struct fs_struct *fs = BPF_CORE_READ(bpf_get_current_task_btf(), fs);
	u64 root_dentry = (u64)BPF_CORE_READ(fs, root.dentry);
	u64 root_mnt = (u64)BPF_CORE_READ(fs, root.mnt);
	struct bpf_iter_num it;
	u32 result = 0;
	int *turn;

	bpf_iter_num_new(&it, 0, EGRET_VMA_NAMES);
	while ((turn = bpf_iter_num_next(&it))) {
		struct dentry *d = (struct dentry *)dentry;
		struct vfsmount *m = (struct vfsmount *)mnt;
		u32 i = *turn;

		if (i >= EGRET_VMA_NAMES)
			break;
		if (dentry == root_dentry && mnt == root_mnt)
			result = i;
		if (d == BPF_CORE_READ(m, mnt_root)) {
			struct mount *mount = (void *)m - bpf_core_field_offset(struct mount, mnt);
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount) {
				result |= NAMES_WHOLE;
				break;
			}
			dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
			mnt = (u64)above + bpf_core_field_offset(struct mount, mnt);
			rec->names[i][0] = 0;
			continue;
		}
		bpf_probe_read_kernel_str(rec->names[i], EGRET_VMA_NAME_LEN,
					  BPF_CORE_READ(d, d_name.name));
		dentry = (u64)BPF_CORE_READ(d, d_parent);
	}
	bpf_iter_num_destroy(&it);
	return result;
}

/* One mapping, as it is told. Of numbers alone: see tell_mapping. */
struct mapping {
	u64 file; /* struct file *, or 0 */
	u64 start, end, pgoff;
	u64 head;  /* where the start of its file is mapped, or 0 */
	u32 flags; /* EGRET_VMA_F_* */
	u32 pad;
};

/*
 * Nothing faults: the address space is locked. Whether it found room. The verifier looks at a
 * global function once, not each time that it comes by.
 */
__attribute__((noinline)) int tell_mapping(const struct mapping *m)
{
	struct file *file;
	u32 cpu, dev, tgid = bpf_get_current_pid_tgid() >> 32, names = 0;
	struct egret_rec_vma *rec = NULL;
	void *ring;

	if (!m)
		return 0;
	file = (struct file *)m->file;
	bpf_preempt_disable();
	cpu = bpf_get_smp_processor_id();
	ring = bpf_map_lookup_elem(&capture_rings, &cpu);
	if (ring)
		rec = bpf_ringbuf_reserve(ring, sizeof(*rec), 0);
	if (!rec) {
		count(EGRET_COUNT_MAPPINGS_RING_FULL);
		goto out;
	}
	rec->rec.type = EGRET_REC_VMA;
	rec->rec.size = sizeof(*rec);
	rec->rec.time = bpf_ktime_get_ns();
	rec->start = m->start;
	rec->end = m->end;
	rec->pgoff = m->pgoff;
	rec->ino = BPF_CORE_READ(file, f_inode, i_ino);
	dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	rec->major = dev >> 20;
	rec->minor = dev & 0xfffff;
	rec->pid = tgid;
	rec->flags = m->flags;
	__builtin_memset(rec->names, 0, sizeof(rec->names));
	if (file)
		names = read_names(rec, (u64)BPF_CORE_READ(file, f_path.dentry),
				   (u64)BPF_CORE_READ(file, f_path.mnt));
	if (names & NAMES_WHOLE)
		rec->flags |= EGRET_VMA_F_PATH;
	rec->n_seen = names & ~NAMES_WHOLE;
	rec->head_len = 0;
	if (m->head && !bpf_probe_read_user(rec->head, EGRET_VMA_HEAD_LEN, (void *)m->head))
		rec->head_len = EGRET_VMA_HEAD_LEN;
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
out:
	bpf_preempt_enable();
	return rec != NULL;
}

/*
 * Tells all executable mappings of the current process. Whether they all found room, or user space
 * has to read them from /proc. Sleepable context.
 */
static __noinline bool tell_mappings(struct task_struct *task)
{
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	u64 head = 0, head_file = 0, vdso = (u64)BPF_CORE_READ(task, mm, context.vdso);
	struct mapping m = { .flags = EGRET_VMA_F_FIRST };
	bool all = true;

	if (bpf_iter_task_vma_new(&it, task, 0)) {
		count(EGRET_COUNT_PROCESSES_BUSY);
		bpf_iter_task_vma_destroy(&it);
		return true;
	}
	while ((vma = bpf_iter_task_vma_next(&it))) {
		m.file = (u64)BPF_CORE_READ(vma, vm_file);
		m.start = BPF_CORE_READ(vma, vm_start);
		m.pgoff = BPF_CORE_READ(vma, vm_pgoff) * PAGE_SIZE;
		if (m.file && !m.pgoff) {
			head = m.start;
			head_file = m.file;
		}
		if (!(BPF_CORE_READ(vma, vm_flags) & VM_EXEC))
			continue;
		m.end = BPF_CORE_READ(vma, vm_end);
		m.head = m.file && m.file == head_file ? head : 0;
		if (m.start == vdso)
			m.flags |= EGRET_VMA_F_VDSO;
		if (tell_mapping(&m))
			m.flags = 0;
		else
			all = false;
	}
	bpf_iter_task_vma_destroy(&it);
	if (all)
		count(EGRET_COUNT_PROCESSES_TOLD);
	return all;
}

/*
 * Before a capture: tells the mappings of a process that is not known yet. Returns what the
 * capture has to pass on, EGRET_CAPTURE_F_UNTOLD or 0.
 */
static __always_inline u32 tell_if_new(struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid), *telling = bpf_map_lookup_elem(&told, &tgid);

	if (telling)
		return *telling == UNTOLD ? EGRET_CAPTURE_F_UNTOLD : 0;
	set_told(tgid, TOLD);
	if (tell_mappings(task))
		return 0;
	set_told(tgid, UNTOLD);
	return EGRET_CAPTURE_F_UNTOLD;
}

/* The capture that passes it on has found room. */
static __always_inline void untold_is_known(struct task_struct *task)
{
	set_told(BPF_CORE_READ(task, tgid), TOLD);
}

/* From its execve on a process is followed by perf's records. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(egret_exec_done, struct task_struct *task)
{
	set_told(BPF_CORE_READ(task, tgid), TOLD);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(egret_fork_told, struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = BPF_CORE_READ(child, tgid);

	if (tgid == BPF_CORE_READ(child, pid) && is_told(BPF_CORE_READ(parent, tgid)))
		set_told(tgid, TOLD);
	return 0;
}

static __always_inline void forget_told(struct task_struct *task)
{
	u32 pid = BPF_CORE_READ(task, pid);

	if (pid == BPF_CORE_READ(task, tgid))
		bpf_map_delete_elem(&told, &pid);
}

#endif /* EGRET_MAPPINGS_BPF_H */
