// Runs another program and takes what it prints; and words as a shell wants them.
#pragma once

#include "common/shell_word.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bootview {

using Sink = std::function<void(std::span<const std::byte>)>;

struct CommandResult {
    int status = -1; // of its exit; -1: it could not be started, was killed, or took too long
    std::string output;
    std::string errors; // the beginning of what it said on standard error
};

inline constexpr std::chrono::seconds command_patience{60};

// The program is looked for in $PATH and the sbin directories.
CommandResult run_command(const std::vector<std::string>& words,
                          std::chrono::milliseconds patience = command_patience);

// Hands `input` to it, and what it prints to the sink as it comes. The status as above.
int run_filter(const std::vector<std::string>& words, std::span<const std::byte> input,
               const Sink& sink, std::chrono::milliseconds patience = command_patience);

// For the left and the right side of sed's s/.../.../.
std::string sed_pattern(std::string_view text);
std::string sed_replacement(std::string_view text);

} // namespace bootview
