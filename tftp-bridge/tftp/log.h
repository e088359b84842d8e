// Log lines on stderr, each a single write with the program's name in front.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace bootview::tftp::log {

enum class Level { error, warning, info, debug };

// Process-wide; set once at start.
void set_level(Level level);
bool enabled(Level level);
void write(Level level, std::string_view text);

template<typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::error))
        write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

template<typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::warning))
        write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}

template<typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info))
        write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}

template<typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace bootview::tftp::log
