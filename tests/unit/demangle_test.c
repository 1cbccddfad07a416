/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/symbolize.h"

#include <time.h>

#include "test.h"

struct pair {
	const char *mangled, *want;
};

static void check_pairs(const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *got = egret_demangle(pairs[i].mangled);

		CHECK_STR(got, pairs[i].want);
		free(got);
	}
}

#define CHECK_PAIRS(pairs) check_pairs(pairs, sizeof(pairs) / sizeof((pairs)[0]))

static void cxx_with_its_parameters(void)
{
	static const struct pair pairs[] = {
		{ "_Z3foov", "foo()" },
		{ "__Z3foov", "foo()" },
		{ "_ZN3fooC1Ei", "foo::foo(int)" },
		{ "_ZSt4sortIPiEvT_S1_", "void std::sort<int*>(int*, int*)" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi",
		  "std::vector<int, std::allocator<int> >::push_back(int const&)" },
		{ "_ZNK3foo3barEPKc", "foo::bar(char const*) const" },
		{ "_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f()" },
		{ "_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const" },
		{ "_ZN3foo3barEv.cold", "foo::bar() [clone .cold]" },
		{ "_Z3foov.part.0.constprop.1", "foo() [clone .part.0] [clone .constprop.1]" },
		{ "_Z3foov.llvm.12345", "foo() [clone .llvm.12345]" },
	};

	CHECK_PAIRS(pairs);
}

static void short_without_arguments(void)
{
	static const struct pair pairs[] = {
		{ "_Z3foov", "foo" },
		{ "_ZSt4sortIPiEvT_S1_", "std::sort" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back" },
		{ "_ZNK3foo3barEPKc", "foo::bar" },
		{ "_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f" },
		{ "_ZZ4mainENKUlvE_clEv", "main::{lambda#1}::operator()" },
		{ "_ZZNK3foo3barEiENKUliE_clEi", "foo::bar::{lambda#1}::operator()" },
		{ "_ZlsIcERSoS0_T_", "operator<<" },
		{ "_ZN3fooltIiEEbRKT_", "foo::operator<" },
		{ "_ZNK3foossERKS_", "foo::operator<=>" },
		{ "_ZN3foocvT_IiEEv", "foo::operator int" },
		{ "_ZN3foo3barEv.cold", "foo::bar" },
		{ "_RINvNtC3std3mem8align_ofdE", "std::mem::align_of" },
		{ "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
		  "3bar17h930b740aa94f1d3aE",
		  "<Test + 'static as foo::Bar>::bar" },
		{ "_D8demangle4testFAaZv", "demangle.test" },
		{ "_Z3foov@plt", "foo@plt" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *got = egret_demangle_short(pairs[i].mangled);

		CHECK_STR(got, pairs[i].want);
		free(got);
	}
	CHECK(!egret_demangle_short("main"));
}

static void shortens_what_makes_no_sense(void)
{
	static const struct pair pairs[] = {
		{ "f(", "f(" },
		{ "f<(>", "f<(>" },
		{ "f<a", "f<a" },
		{ ")f>", ")f>" },
		{ "", "" },
		{ "::<", "::<" },
		{ "f!(int)", "f" },
		{ "f(int) const &", "f" },
		{ "f::<T>::g", "f::g" },
		{ "<(A, B<C>) as D<E>>::f", "<(A, B) as D>::f" },
		{ "S<&S::operator< >::f", "S::f" },
		{ "S<(a->b)>::f", "S::f" },
		{ "operators<int>::f", "operators::f" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *name = strdup(pairs[i].mangled);

		egret_shorten_name(name);
		CHECK_STR(name, pairs[i].want);
		free(name);
	}
}

static void rust_without_hashes(void)
{
	static const struct pair pairs[] = {
		{ "_ZN4core3fmt5Write9write_fmt17hb3b0d5c0e7c0a92fE",
		  "core::fmt::Write::write_fmt" },
		{ "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
		  "3bar17h930b740aa94f1d3aE",
		  "<Test + 'static as foo::Bar<Test>>::bar" },
		{ "_RNvNtNtCs1234_7mycrate3foo3bar3baz", "mycrate::foo::bar::baz" },
		{ "_RNvC7mycrateu8gdel_5qa", "mycrate::g\xc3\xb6"
					     "del" },
		{ "_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>" },
	};

	CHECK_PAIRS(pairs);
}

static void d_names(void)
{
	static const struct pair pairs[] = {
		{ "_Dmain", "D main" },
		{ "_D8demangle4testFaZv", "demangle.test(char)" },
		{ "_D4core6memory2GC7collectFZv", "core.memory.GC.collect()" },
	};

	CHECK_PAIRS(pairs);
}

static void the_rest_is_used_as_it_is(void)
{
	static const struct pair pairs[] = {
		{ "main", NULL },
		{ "", NULL },
		{ "_", NULL },
		{ "_start", NULL },
		{ "_DYNAMIC", NULL },
		{ "_Runtime", NULL },
		{ "_Z", NULL },
		{ "_Z3fo", NULL },
		{ "_R", NULL },
		{ "__libc_read", NULL },
		{ "_Debug_print", NULL },
		{ "_ZN3foo@@@", NULL },
		{ "read@plt", NULL },
		{ "3foov", NULL },
		{ "@plt", NULL },
	};

	CHECK_PAIRS(pairs);
}

static void what_follows_an_at_sign_is_kept(void)
{
	static const struct pair pairs[] = {
		{ "_Znwm@plt", "operator new(unsigned long)@plt" },
		{ "_Znwm@GLIBCXX_3.4", "operator new(unsigned long)@GLIBCXX_3.4" },
	};

	CHECK_PAIRS(pairs);
}

/*
 * All of libstdc++, against c++filt -i, which shows what people know. For each name two lines: the
 * name with '=' for its first '_', which hides it from c++filt, and the name demangled.
 */
static void agrees_with_cxxfilt(void)
{
	FILE *f = popen("readelf --dyn-syms -W \"$(c++ -print-file-name=libstdc++.so.6)\" | "
			"grep -o ' _Z[^@ ]*' | sort -u | sed 's/^ _\\(.*\\)/=\\1\\n_\\1/' | "
			"c++filt -i",
			"r");
	char *name = NULL, *want = NULL;
	size_t name_room = 0, want_room = 0, n = 0;

	while (f && getline(&name, &name_room, f) > 1 && getline(&want, &want_room, f) > 1) {
		char *got;

		name[strcspn(name, "\n")] = '\0';
		want[strcspn(want, "\n")] = '\0';
		name[0] = '_';
		got = egret_demangle(name);
		CHECK_STR(got ? got : name, want);
		n += got != NULL;
		free(got);
	}
	CHECK(f && !pclose(f));
	CHECK(n > 4000);
	free(name);
	free(want);
}

/* ---- names that are out to hurt ----------------------------------------------------------- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A number in base 36 or 62, as substitutions and back references have it: _ is 0, 0_ is 1. */
static void add_number(char *to, unsigned int base, unsigned int n)
{
	static const char cxx[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char rust[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *digits = base == 36 ? cxx : rust;
	char text[16];
	size_t at = sizeof(text) - 1;

	text[at] = '\0';
	text[--at] = '_';
	if (n--) {
		do {
			text[--at] = digits[n % base];
			n /= base;
		} while (n);
	}
	strcat(to, text + at);
}

/* f(A<int, int>, A<first, first>, A<second, second> ...): each twice as long as the one before. */
static void cxx_substitutions_that_double(void)
{
	char name[4096] = "_Z1f1AIiiE", *got;
	double start = seconds();

	for (unsigned int i = 0; i < 60; i++) {
		strcat(name, "S_I");
		for (int twice = 0; twice < 2; twice++) {
			strcat(name, "S");
			add_number(name, 36, i + 1);
		}
		strcat(name, "E");
	}
	got = egret_demangle(name);
	CHECK(seconds() - start < 2);
	CHECK(got && !strncmp(got, "f(A<int, int>, A<A<int, int>, A<int, int> >, ", 45));
	CHECK(got && strlen(got) <= 8192 + 3 && !strcmp(got + strlen(got) - 3, "..."));
	free(got);
}

/* a::f::<(i32, i32), (first, first), ...> */
static void rust_back_references_that_double(const char *extra, bool demangled)
{
	char name[4096] = "_RINvC1a1f", *got;
	size_t last;
	double start = seconds();

	strcat(name, extra);
	last = strlen(name);
	strcat(name, "TllE");
	for (int i = 0; i < 60; i++) {
		size_t here = strlen(name);

		strcat(name, "T");
		for (int twice = 0; twice < 2; twice++) {
			strcat(name, "B");
			add_number(name, 62, (unsigned int)last - 2);
		}
		strcat(name, "E");
		last = here;
	}
	strcat(name, "E");
	got = egret_demangle(name);
	CHECK(seconds() - start < 2);
	CHECK_EQ(got != NULL, demangled);
	if (got) {
		CHECK(!strncmp(got, "a::f::<(i32, i32), ((i32, i32), (i32, i32)), ", 45));
		CHECK(strlen(got) <= 8192 + 3 && !strcmp(got + strlen(got) - 3, "..."));
	}
	free(got);
}

static void rust_back_references(void)
{
	rust_back_references_that_double("", true);
	/* A type named in punycode: the output may be more than can be stopped. */
	rust_back_references_that_double("NvC1bu8gdel_5qa", false);
}

/* f(int[int], first[first], second[second] ...), with depth doublings. */
static char *d_back_references_that_double(int depth)
{
	char name[4096] = "_D1fFHii";
	size_t last = strlen(name) - 3;

	for (int i = 0; i < depth; i++) {
		size_t here = strlen(name);

		strcat(name, "H");
		for (int twice = 0; twice < 2; twice++) {
			/* How far back, in base 26 with a small last digit. */
			size_t back = strlen(name) - last;
			char text[4] = "Q";

			if (back >= 26)
				strncat(text, &"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[back / 26], 1);
			strncat(text, &"abcdefghijklmnopqrstuvwxyz"[back % 26], 1);
			strcat(name, text);
		}
		last = here;
	}
	strcat(name, "Zv");
	return egret_demangle(name);
}

static void d_back_references(void)
{
	double start = seconds();
	char *got = d_back_references_that_double(2);

	CHECK_STR(got, "f(int[int], int[int][int[int]], int[int][int[int]][int[int][int[int]]])");
	free(got);
	got = d_back_references_that_double(60);
	CHECK_STR(got, NULL);
	CHECK(seconds() - start < 2);
}

static void long_and_deep_names(void)
{
	size_t lengths[] = { 100, 1000, 2000, 4000, 4096, 5000, 1 << 20 };
	static const char *const shapes[] = { "_Z1fP", "_Z1fIX", "_RYB", "_D1fFA", "_ZN1a" };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *name = malloc(lengths[i] + 16);

		for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
			size_t len = strlen(shapes[k]);

			strcpy(name, shapes[k]);
			memset(name + len, shapes[k][len - 1], lengths[i] - len);
			strcpy(name + lengths[i], "i");
			free(egret_demangle(name));
		}
		free(name);
	}
}

static void damaged_names_do_no_harm(void)
{
	static const char *const names[] = {
		"_ZNSt6vectorIiSaIiEE17_M_realloc_insertIJRKiEEEvN9__gnu_cxx17__normal_"
		"iteratorIPiS1_"
		"EEDpOT_",
		"_ZZN3fooIiEclEvENKUlT_E_clIdEEDaS1_",
		"_RINvMs_NtCs1234_7mycrate3fooNtB5_3Bar3bazTllRePKhEB5_",
		"_ZN4core3fmt5Write9write_fmt17hb3b0d5c0e7c0a92fE",
		"_D3std9algorithm9iteration__T9MapResultS4mainFZ9__lambda1TAiZQBe4saveMFNaNbNdNiNfZ"
		"SQCrQCqQCk__TQCjSQBsFZQBlTQBlZQDb",
	};
	uint64_t random = 0x9e3779b97f4a7c15ull;
	size_t demangled = 0;

	for (int i = 0; i < 20000; i++) {
		const char *base = names[i % 5];
		size_t len = strlen(base);
		char *name = strdup(base), *got;

		for (int times = 1 + i % 3; times--;) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			name[2 + random % (len - 2)] = base[(random >> 20) % len];
		}
		got = egret_demangle(name);
		demangled += got != NULL;
		free(got);
		free(name);
	}
	CHECK(demangled > 1000);
}

int main(void)
{
	RUN(cxx_with_its_parameters);
	RUN(short_without_arguments);
	RUN(shortens_what_makes_no_sense);
	RUN(rust_without_hashes);
	RUN(d_names);
	RUN(the_rest_is_used_as_it_is);
	RUN(what_follows_an_at_sign_is_kept);
	RUN(agrees_with_cxxfilt);
	RUN(cxx_substitutions_that_double);
	RUN(rust_back_references);
	RUN(d_back_references);
	RUN(long_and_deep_names);
	RUN(damaged_names_do_no_harm);
	return DONE();
}
