/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * selfcheck: what a debugger, a signal and a restartable sequence see of a program, in numbers that
 * are the same each time: single steps (TF) from outside and from within, hardware breakpoints
 * (RF), registers across handlers, sleeps that nothing interrupts, increments that must not get
 * lost. One line each; exits with the number of those that are wrong.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEPPED_TURNS 1000
#define BREAKPOINT_CALLS 300
#define SIGNALS 3000
#define SLEEPS 30
#define N_THREADS 4
#define INCREMENTS 100000

static int wrong;

static void says(const char *what, unsigned long got, unsigned long expected)
{
	printf("%s: %lu\n", what, got);
	if (got != expected) {
		printf("%s: %lu expected\n", what, expected);
		wrong++;
	}
}

/* ---- single steps ------------------------------------------------------------------------- */

/* 1 + 2 * STEPPED_TURNS instructions between the labels. */
__asm__(".text\n"
	"stepped:\n"
	"	mov $1000, %ecx\n"
	"1:	dec %ecx\n"
	"	jnz 1b\n"
	"stepped_end:\n"
	"	ret\n");
extern const char stepped[], stepped_end[];

static int in_stepped(uint64_t ip)
{
	return ip >= (uint64_t)(uintptr_t)stepped && ip < (uint64_t)(uintptr_t)stepped_end;
}

static void call_stepped(void)
{
	__asm__ volatile("call stepped" ::: "rcx", "cc", "memory");
}

static void single_steps_by_a_debugger(void)
{
	struct user_regs_struct regs;
	unsigned long steps = 0;
	int status;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		call_stepped();
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	while (!ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)
		if (!ptrace(PTRACE_GETREGS, pid, NULL, &regs))
			steps += (unsigned long)in_stepped(regs.rip);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	says("steps by a debugger", steps, 1 + 2 * STEPPED_TURNS);
	says("end of the stepped program", (unsigned long)status, 0);
}

static volatile unsigned long traps;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	traps += (unsigned long)in_stepped((uint64_t)c->uc_mcontext.gregs[REG_RIP]);
}

static void single_steps_by_itself(void)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("sub $128, %%rsp\n" /* the red zone */
			 "pushf\n"
			 "orq $0x100, (%%rsp)\n"
			 "popf\n"
			 "call stepped\n"
			 "pushf\n"
			 "andq $~0x100, (%%rsp)\n"
			 "popf\n"
			 "add $128, %%rsp\n" ::
				 : "rcx", "cc", "memory");
	says("steps by itself", traps, 1 + 2 * STEPPED_TURNS);
}

/* ---- hardware breakpoints ----------------------------------------------------------------- */

static __attribute__((noinline)) void broken(void)
{
	__asm__ volatile("" ::: "memory");
}

static void hardware_breakpoints(void)
{
	unsigned long hits = 0;
	int status;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (int i = 0; i < BREAKPOINT_CALLS; i++)
			broken();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	/* DR0: the function; DR7: on execution, for this task. */
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), broken);
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 1);
	while (!ptrace(PTRACE_CONT, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)
		hits++;
	says("hits of a breakpoint", hits, BREAKPOINT_CALLS);
	says("end of the broken program", (unsigned long)status, 0);
}

/* ---- signals ------------------------------------------------------------------------------ */

static volatile unsigned long handled, ticks;

static void on_signal(int sig)
{
	handled++;
}

static void on_tick(int sig)
{
	ticks++;
}

/* All registers that a handler could spoil, for a while. Returns how many were. */
static unsigned long spin_in_registers(void)
{
	unsigned long spoilt = 0;

	__asm__ volatile("mov $0x11, %%rbx; mov $0x12, %%r8; mov $0x13, %%r9; mov $0x14, %%r12\n"
			 "mov $0x15, %%r13; mov $0x16, %%r14; mov $0x17, %%r15; mov $0x18, %%rsi\n"
			 "mov $200000, %%ecx\n"
			 "1: dec %%ecx; jnz 1b\n"
			 "xor $0x11, %%rbx; xor $0x12, %%r8; xor $0x13, %%r9; xor $0x14, %%r12\n"
			 "xor $0x15, %%r13; xor $0x16, %%r14; xor $0x17, %%r15; xor $0x18, %%rsi\n"
			 "or %%r8, %%rbx; or %%r9, %%rbx; or %%r12, %%rbx; or %%r13, %%rbx\n"
			 "or %%r14, %%rbx; or %%r15, %%rbx; or %%rsi, %%rbx\n"
			 "mov %%rbx, %0\n"
			 : "=a"(spoilt)::"rbx", "rcx", "rsi", "r8", "r9", "r12", "r13", "r14",
			   "r15", "cc");
	return spoilt != 0;
}

static void signal_handlers(void)
{
	static char stack[64 << 10];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	unsigned long spoilt = 0;

	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &tick, NULL);
	for (int i = 0; i < SIGNALS; i++)
		kill(getpid(), SIGUSR1);
	says("signals handled", handled, SIGNALS);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 200 || ticks < 20; i++)
		spoilt += spin_in_registers();
	setitimer(ITIMER_REAL, &off, NULL);
	says("registers spoilt", spoilt, 0);
}

/* A sample may not be felt as a signal: nothing else interrupts these. */
static void sleeps(void)
{
	struct timespec ms = { 0, 5000000 };
	unsigned long interrupted = 0;

	for (int i = 0; i < SLEEPS; i++)
		interrupted += nanosleep(&ms, NULL) != 0;
	says("sleeps interrupted", interrupted, 0);
}

/* ---- restartable sequences ---------------------------------------------------------------- */

#define MAX_CPUS 64
static struct {
	uint64_t value;
	char pad[56];
} per_cpu[MAX_CPUS];

static struct rseq *registered_rseq(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* Increments the counter of the CPU in a sequence that begins anew when it was interrupted. */
static int increment(struct rseq *rseq)
{
	uint32_t cpu = __atomic_load_n(&rseq->cpu_id_start, __ATOMIC_RELAXED);

	if (cpu >= MAX_CPUS)
		return -1;
	__asm__ goto(".pushsection __rseq_cs, \"aw\"\n"
		     ".balign 32\n"
		     "3: .long 0, 0\n"
		     ".quad 1f, 2f - 1f, 4f\n"
		     ".popsection\n"
		     "lea 3b(%%rip), %%rax\n"
		     "mov %%rax, %[cs]\n"
		     "1: cmp %[cpu], %[cpu_id]\n"
		     "jnz 4f\n"
		     "mov %[value], %%rax\n"
		     "inc %%rax\n"
		     "mov %%rax, %[value]\n"
		     "2:\n"
		     ".pushsection .text.rseq_abort, \"ax\"\n"
		     ".byte 0x0f, 0xb9, 0x3d\n" /* ud1, with the signature behind */
		     ".long 0x53053053\n"
		     "4: jmp %l[aborted]\n"
		     ".popsection\n"
		     :
		     : [cs] "m"(rseq->rseq_cs), [cpu_id] "m"(rseq->cpu_id), [cpu] "r"(cpu),
		       [value] "m"(per_cpu[cpu].value)
		     : "rax", "cc", "memory"
		     : aborted);
	return 0;
aborted:
	return -1;
}

static void *increment_much(void *arg)
{
	struct rseq *rseq = registered_rseq();

	for (int i = 0; i < INCREMENTS; i++)
		while (increment(rseq))
			;
	return arg;
}

static void restartable_sequences(void)
{
	pthread_t threads[N_THREADS];
	unsigned long sum = 0;

	if (!__rseq_size) {
		puts("increments: no rseq");
		return;
	}
	for (int i = 0; i < N_THREADS; i++)
		if (pthread_create(&threads[i], NULL, increment_much, NULL))
			exit(99);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < MAX_CPUS; i++)
		sum += per_cpu[i].value;
	says("increments", sum, N_THREADS * INCREMENTS);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	single_steps_by_a_debugger();
	single_steps_by_itself();
	hardware_breakpoints();
	signal_handlers();
	sleeps();
	restartable_sequences();
	return wrong;
}
