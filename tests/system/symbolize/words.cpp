// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The C++ program of symbolize_differential.sh: templates, lambdas, exceptions, and what of the
// standard library is inlined.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "words.hpp"

namespace {

struct shape {
	virtual ~shape() = default;
	virtual double area() const = 0;
	virtual std::string name() const { return "shape"; }
};

template <typename T> struct box : shape {
	box(T w, T h) : w(w), h(h) {}
	double area() const override { return double(w) * double(h); }
	std::string name() const override { return "box" + std::to_string(sizeof(T)); }
	T w, h;
};

struct ring : shape {
	explicit ring(double r) : r(r)
	{
		if (r < 0)
			throw std::invalid_argument("a ring of " + std::to_string(r));
	}
	double area() const override { return 3.14159 * r * r; }
	double r;
};

template <typename It, typename Fn> auto fold(It from, It to, Fn fn)
{
	decltype(fn(*from)) sum{};

	std::for_each(from, to, [&](const auto &x) { sum += fn(x); });
	return sum;
}

} // namespace

namespace words {

counter::counter(const std::string &text)
{
	std::istringstream in(text);
	std::string word;

	while (in >> word)
		++counts[normal(word)];
}

std::vector<std::pair<std::string, int>> counter::sorted() const
{
	std::vector<std::pair<std::string, int>> all(counts.begin(), counts.end());

	std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
		return a.second != b.second ? a.second > b.second : a.first < b.first;
	});
	return all;
}

} // namespace words

static double areas(int n)
{
	std::vector<std::unique_ptr<shape>> shapes;
	std::map<std::string, std::function<double(double)>> by_name;

	for (int i = 0; i < n; i++) {
		shapes.push_back(std::make_unique<box<int>>(i, i + 1));
		shapes.push_back(std::make_unique<box<float>>(i, 0.5f));
		shapes.push_back(std::make_unique<ring>(i));
	}
	by_name["twice"] = [](double x) { return 2 * x; };
	by_name["half"] = [n](double x) { return x / (n ? n : 2); };
	return fold(shapes.begin(), shapes.end(), [&](const std::unique_ptr<shape> &s) {
		return by_name[s->name().size() > 4 ? "twice" : "half"](s->area());
	});
}

int main(int argc, char **argv)
{
	try {
		words::counter counter(argc > 1 ? argv[1] : "some words and some more");

		for (const auto &[word, n] : counter.sorted())
			std::cout << word << ' ' << n << '\n';
		std::cout << areas(argc) << ' ' << words::longest(counter).size() << '\n';
	} catch (const std::exception &e) {
		std::cerr << e.what() << '\n';
		return 1;
	}
}
