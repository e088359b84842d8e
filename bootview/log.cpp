#include "bootview/log.h"

#include "common/log_output.h"

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
    // A log that can't be written (a closed terminal) is no reason to stop serving.
    write_log_line(fmt::format("{:<4} | {}", tag, text));
}

} // namespace bootview::log
