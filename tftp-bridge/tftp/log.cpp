#include "tftp-bridge/tftp/log.h"

#include "common/log_output.h"

namespace bootview::tftp::log {
namespace {

Level current_level = Level::info;

std::string_view label(Level level) {
    switch (level) {
    case Level::error:
        return "error: ";
    case Level::warning:
        return "warning: ";
    case Level::info:
    case Level::debug:
        break;
    }
    return "";
}

} // namespace

void set_level(Level level) {
    current_level = level;
}

bool enabled(Level level) {
    return level <= current_level;
}

void write(Level level, std::string_view text) {
    write_log_line(fmt::format("tftp-bridge: {}{}", label(level), text));
}

} // namespace bootview::tftp::log
