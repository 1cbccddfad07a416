// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#ifndef WORDS_HPP
#define WORDS_HPP

#include <cctype>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace words {

inline char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

inline std::string normal(std::string word)
{
	for (char &c : word)
		c = lower(c);
	while (!word.empty() && std::ispunct(static_cast<unsigned char>(word.back())))
		word.pop_back();
	return word;
}

class counter {
public:
	explicit counter(const std::string &text);
	std::vector<std::pair<std::string, int>> sorted() const;
	auto begin() const { return counts.begin(); }
	auto end() const { return counts.end(); }

private:
	std::map<std::string, int> counts;
};

std::string longest(const counter &counter);

} // namespace words
#endif
