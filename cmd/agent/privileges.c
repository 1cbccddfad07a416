/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "agent/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/fail.h"

/*
 * What each is for, and what is lost without it: libegret(3). CAP_BPF and CAP_PERFMON are needed
 * after the start, too: to read threads that are asleep, and to sample anew after a reload.
 */
static const cap_value_t kept[] = {
	CAP_BPF,	CAP_PERFMON,
	CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
	CAP_SYSLOG,	CAP_CHECKPOINT_RESTORE,
};
#define NR_KEPT (sizeof(kept) / sizeof(kept[0]))

/* ---- the user ---------------------------------------------------------------------------- */

static int become(const char *user, struct egret_error *err)
{
	struct passwd passwd, *entry = NULL;
	char strings[4096];

	if (getpwnam_r(user, &passwd, strings, sizeof(strings), &entry) || !entry)
		return agent_fail(err, ENOENT, "there is no user '%s'", user);
	if (prctl(PR_SET_KEEPCAPS, 1) || initgroups(user, entry->pw_gid) ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		return agent_fail(err, errno, "cannot become user '%s': %s", user, strerror(errno));
	return 0;
}

/* ---- capabilities ------------------------------------------------------------------------ */

static bool is_kept(cap_value_t capability)
{
	for (size_t i = 0; i < NR_KEPT; i++)
		if (kept[i] == capability)
			return true;
	return false;
}

/* For what is executed later. This needs CAP_SETPCAP: who has not that has no more to give up. */
static void bound(void)
{
	for (cap_value_t i = 0; cap_get_bound(i) >= 0; i++)
		if (!is_kept(i))
			cap_drop_bound(i);
}

static int keep_capabilities(struct egret_error *err)
{
	cap_t now = cap_get_proc(), next = cap_init();
	bool failed = !now || !next;

	for (size_t i = 0; i < NR_KEPT && !failed; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		/* One that this kernel does not know is not held. */
		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &has) || has != CAP_SET)
			continue;
		failed = cap_set_flag(next, CAP_PERMITTED, 1, &kept[i], CAP_SET) ||
			 cap_set_flag(next, CAP_EFFECTIVE, 1, &kept[i], CAP_SET);
	}
	failed = failed || cap_reset_ambient() || cap_set_proc(next);
	cap_free(now);
	cap_free(next);
	return failed ? agent_fail(err, errno, "cannot give capabilities up: %s", strerror(errno))
		      : 0;
}

/* ---- system calls ------------------------------------------------------------------------ */

/*
 * None of these does the agent make, nor do the libraries that it sends and answers with. A list of
 * what is refused, not of what is allowed: TLS libraries and resolvers of the C library differ in
 * what they call, and the ELF files of others are read elsewhere, behind a list of the other kind.
 */
static const char *const refused[] = {
	"execve",	 "execveat",
	"ptrace",	 "process_vm_writev",
	"mount",	 "umount2",
	"move_mount",	 "open_tree",
	"fsopen",	 "fsconfig",
	"fsmount",	 "fspick",
	"mount_setattr", "pivot_root",
	"chroot",	 "setns",
	"unshare",	 "init_module",
	"finit_module",	 "delete_module",
	"kexec_load",	 "kexec_file_load",
	"reboot",	 "swapon",
	"swapoff",	 "acct",
	"quotactl",	 "sethostname",
	"setdomainname", "settimeofday",
	"clock_settime", "adjtimex",
	"clock_adjtime", "iopl",
	"ioperm",	 "add_key",
	"request_key",	 "keyctl",
	"userfaultfd",	 "io_uring_setup",
	"personality",	 "mknod",
	"mknodat",	 "open_by_handle_at",
	"setuid",	 "setgid",
	"setreuid",	 "setregid",
	"setresuid",	 "setresgid",
	"setgroups",	 "capset",
};

static int refuse_calls(struct egret_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && !ret; i++) {
		int number = seccomp_syscall_resolve_name(refused[i]);

		if (number != __NR_SCMP_ERROR)
			ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	if (!ret)
		ret = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return ret ? agent_fail(err, -ret, "cannot have system calls refused: %s", strerror(-ret))
		   : 0;
}

int privileges_drop(const struct privileges_opts *opts, struct egret_error *err)
{
	int ret = 0;

	bound();
	if (opts->user)
		ret = become(opts->user, err);
	if (!ret)
		ret = keep_capabilities(err);
	if (!ret && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		ret = agent_fail(err, errno, "cannot give privileges up: %s", strerror(errno));
	return ret ? ret : refuse_calls(err);
}
