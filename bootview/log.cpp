#include "bootview/log.h"

#include <unistd.h>

#include <iterator>

namespace bootview::log {

namespace {
Level current_level = Level::info;
}

void set_level(Level level) {
    current_level = level;
}

Level level() {
    return current_level;
}

void line(std::string_view tag, std::string_view text) {
    fmt::memory_buffer buffer;
    fmt::format_to(std::back_inserter(buffer), "{:<4} | {}\n", tag, text);
    // A log that can't be written (a closed terminal) is no reason to stop serving.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, buffer.data(), buffer.size());
}

} // namespace bootview::log
