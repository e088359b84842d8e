// Whatever we print to be typed goes through here.
#pragma once

#include <string>
#include <string_view>

namespace bootview {

// A word that a shell takes as exactly this text, in one line: as it is if it means nothing else
// there, otherwise in quotes. Control characters need $'...', which every shell that people type
// into knows. Thread-safe.
std::string shell_word(std::string_view word);

} // namespace bootview
