/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* relabel_test.c - rules of the agent's configuration make other labels, and leave threads out. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/relabel.h"

#include "test.h"

static char path[] = "/tmp/egret-relabel-test-XXXXXX";
static struct egret_error err;
static struct relabel *relabel;

static int load(const char *text)
{
	struct settings settings = settings_defaults;
	struct config config;
	FILE *file = fopen(path, "w");
	int ret;

	fputs(text, file);
	fclose(file);
	relabel = NULL;
	*err.text = 0;
	ret = config_read(path, &config, &settings, &err);
	if (!ret)
		ret = relabel_read(&config, &relabel, &err);
	config_deinit(&config);
	return ret;
}

/* "key=value key=value" of what is made of a thread of nginx; "out": it is left out. */
static const char *made(const char *rules)
{
	static const struct egret_label of_nginx[] = {
		{ "container.id", "0123456789abcdef" },
		{ "process.executable.name", "nginx" },
		{ "service.name", "shop" },
	};
	static char text[1000];
	const struct egret_thread thread = { .process = "nginx", .comm = "worker 1", .pid = 42 };
	const struct egret_label *labels = of_nginx;
	size_t n = sizeof(of_nginx) / sizeof(*of_nginx);
	int ret = load(rules);

	*text = 0;
	if (!ret)
		ret = relabel_thread(&thread, &labels, &n, relabel);
	for (size_t i = 0; i < n && !ret; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s", i ? " " : "",
			 labels[i].key, labels[i].value);
	relabel_destroy(relabel);
	return ret < 0 ? err.text : ret ? "out" : text;
}

#define ALL "container.id=0123456789abcdef process.executable.name=nginx service.name=shop"

static void threads_are_left_out(void)
{
	CHECK_STR(made("[relabel \"a\"]\nsource = service.name\nregex = shop\naction = drop\n"),
		  "out");
	CHECK_STR(made("[relabel \"a\"]\nsource = service.name\nregex = sho\naction = drop\n"),
		  ALL);
	CHECK_STR(made("[relabel \"a\"]\nsource = service.name\nregex = sh.*\naction = keep\n"),
		  ALL);
	CHECK_STR(made("[relabel \"a\"]\nsource = service.name\nregex = b\naction = keep\n"),
		  "out");
	CHECK_STR(made("[relabel \"a\"]\nsource = process.name, thread.name, process.pid\n"
		       "regex = nginx;worker [0-9];42\naction = drop\n"),
		  "out");
	CHECK_STR(made("[relabel \"a\"]\nsource = nothing\nregex = .+\naction = keep\n"), "out");
}

static void labels_are_replaced(void)
{
	CHECK_STR(made("[relabel \"a\"]\nsource = container.id\nregex = (.{4}).*\n"
		       "target = container.id\n"),
		  "container.id=0123 process.executable.name=nginx service.name=shop");
	CHECK_STR(made("[relabel \"a\"]\nsource = service.name, thread.name\n"
		       "regex = (.*);(.*) (.*)\ntarget = team\nreplacement = $1-${3}$$x$\n"),
		  ALL " team=shop-1$x$");
	CHECK_STR(made("[relabel \"a\"]\ntarget = a\nreplacement = always\n"), "a=always " ALL);
	CHECK_STR(made("[relabel \"a\"]\nsource = service.name\nregex = other\ntarget = a\n"), ALL);
	/* An empty value is no label. */
	CHECK_STR(made("[relabel \"a\"]\nsource = nothing\ntarget = service.name\nregex = (.*)\n"),
		  "container.id=0123456789abcdef process.executable.name=nginx");
}

static void one_rule_after_the_other(void)
{
	CHECK_STR(made("[relabel \"b\"]\ntarget = x\nreplacement = 1\n"
		       "[relabel \"a\"]\nsource = x\nregex = 1\naction = drop\n"),
		  "out");
	CHECK_STR(made("[relabel \"a\"]\nsource = x\nregex = 1\naction = drop\n"
		       "[relabel \"b\"]\ntarget = x\nreplacement = 1\n"),
		  ALL " x=1");
}

static void keys_are_filtered(void)
{
	CHECK_STR(made("[relabel \"a\"]\nregex = container.*\naction = labeldrop\n"),
		  "process.executable.name=nginx service.name=shop");
	CHECK_STR(made("[relabel \"a\"]\nregex = container.*|x\naction = labelkeep\n"),
		  "container.id=0123456789abcdef");
}

static void mistakes_have_their_line(void)
{
	const size_t len = strlen(path);

	CHECK_STR(made("[relabel \"a\"]\nsource = x\nregex = (\ntarget = y\n") + len,
		  ":3: regex '(': Unmatched ( or \\(");
	CHECK_STR(made("[relabel \"a\"]\naction = hide\n") + len,
		  ":2: action wants replace, keep, drop, labeldrop or labelkeep, not 'hide'");
	CHECK_STR(made("[relabel \"a\"]\nsource = x\n") + len,
		  ":2: the action replace wants a target");
	CHECK_STR(made("[relabel \"a\"]\naction = drop\nregex = x\n") + len,
		  ":2: the action drop wants a source and a regex");
	CHECK_STR(made("[relabel \"a\"]\naction = labeldrop\nsource = x\nregex = x\n") + len,
		  ":2: the action labeldrop wants a regex for keys, and no source");
	CHECK_STR(made("[relabel \"a\"]\naction = drop\nsource = x\nregex = x\ntarget = y\n") + len,
		  ":2: the action drop has no target and no replacement");
	CHECK_STR(made("[relabel \"a\"]\ntarget = a b\n") + len,
		  ":2: target wants letters, digits, '.', '_', '-' and '/', not 'a b'");
	CHECK_STR(made("[relabel \"a\"]\nlabel = a\n") + len,
		  ":2: a [relabel] section has no 'label': there are source, regex, action, target "
		  "and replacement");
}

/* What others may choose is bounded. */
static void long_values(void)
{
	char *value = malloc(100001);
	struct egret_label label = { "service.name", value };
	const struct egret_label *labels = &label;
	const struct egret_thread thread = { .process = value, .comm = value };
	size_t n = 1;

	memset(value, 'x', 100000);
	value[100000] = 0;
	CHECK_EQ(load("[relabel \"a\"]\nsource = service.name, process.name\ntarget = y\n"
		      "regex = (.*)\nreplacement = $1$1$1\n"),
		 0);
	CHECK_EQ(relabel_thread(&thread, &labels, &n, relabel), 0);
	CHECK_EQ(n, 2);
	CHECK_STR(labels[1].key, "y");
	CHECK_EQ(strlen(labels[1].value), 4095);
	relabel_destroy(relabel);
	free(value);
}

int main(void)
{
	close(mkstemp(path));
	RUN(threads_are_left_out);
	RUN(labels_are_replaced);
	RUN(one_rule_after_the_other);
	RUN(keys_are_filtered);
	RUN(mistakes_have_their_line);
	RUN(long_values);
	CHECK_EQ(load("[sampling]\nfrequency = 1\n"), 0);
	CHECK(!relabel);
	unlink(path);
	return DONE();
}
