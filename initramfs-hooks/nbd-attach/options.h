// The command line; see bootview-nbd-attach(8).
#pragma once

#include "text.h"

#include <cstdint>

namespace bootview::nbd {

struct Options {
    enum class Action { attach, disconnect, show_help, show_version };

    Action action = Action::attach;
    std::uint32_t index = 0; // of the device
    const char* device = nullptr;
    const char* host = nullptr;
    const char* export_name = "";
    std::uint16_t port = 10809;
    std::uint32_t timeout = 30;             // s, of one request
    std::uint32_t dead_connection = 604800; // s, for which requests wait for a new connection
    std::uint32_t connect_timeout = 10;     // s
    bool foreground = false;
};

// False: `problem` says what to write instead.
bool parse(int argc, char** argv, Options& options, Text& problem);

extern const char* const usage;

} // namespace bootview::nbd
