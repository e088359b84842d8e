// The one combined log, on stderr: a tag says which part speaks.
//
//     nbd  | nbdkit's own words
//     view | fuse-fatimg's
//     tftp | tftp-bridge's
//     boot | what bootview has to say about them
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace bootview::log {

enum class Level { error, warning, info, debug };

void set_level(Level level);
Level level();

// One whole line in one write, so that lines of different writers never mix.
void line(std::string_view tag, std::string_view text);

template<typename... Args>
void say(Level at, fmt::format_string<Args...> format, Args&&... args) {
    if (at <= level())
        line("boot", fmt::format(format, std::forward<Args>(args)...));
}

} // namespace bootview::log
