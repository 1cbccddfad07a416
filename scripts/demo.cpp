// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// demo.cpp - what `make demo` gives to the compiler that it records: a few lines with much of the
// standard library behind them. Counts the words of its input that look like NAME = NUMBER.
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>

int main()
{
	const std::regex pair("([a-z]+)[[:space:]]*=[[:space:]]*([0-9]+)");
	std::map<std::string, std::vector<int>> found;

	for (std::string line; std::getline(std::cin, line);) {
		std::smatch match;

		if (std::regex_search(line, match, pair))
			found[match[1]].push_back(std::stoi(match[2]));
	}
	for (auto &[name, numbers] : found) {
		std::sort(numbers.begin(), numbers.end());
		std::cout << name << ": " << numbers.size() << ", up to " << numbers.back() << '\n';
	}
}
