// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Part of the C++ program: what link-time optimization inlines from another file.
#include "words.hpp"

#include <algorithm>

namespace words {

static bool shorter(const std::pair<const std::string, int> &a,
		    const std::pair<const std::string, int> &b)
{
	return a.first.size() < b.first.size();
}

std::string longest(const counter &counter)
{
	auto found = std::max_element(counter.begin(), counter.end(), shorter);

	return found == counter.end() ? normal("-") : normal(found->first);
}

} // namespace words
