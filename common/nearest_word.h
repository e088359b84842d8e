// "did you mean": the word that a mistyped one is most probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bootview {

// Of `valid`, the nearest by Levenshtein's distance; the first of several. Empty if there is none.
std::string nearest(std::string_view given, const std::vector<std::string>& valid);

} // namespace bootview
