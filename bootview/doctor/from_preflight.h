// The checks that `serve` makes before it starts (preflight.h), as the doctor says them: their one
// line is "THING: what is wrong; what to do".
#pragma once

#include "bootview/failure.h"

#include <optional>
#include <string>

namespace bootview::doctor {

struct Failed {
    std::string thing;
    std::string what;
};

inline Failed split_failure(const std::string& line) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos)
        return {"bootview", line};
    const auto semicolon = line.rfind("; ");
    const auto begin = colon + 2;
    return {line.substr(0, colon), semicolon == std::string::npos || semicolon < begin
                                       ? line.substr(begin)
                                       : line.substr(begin, semicolon - begin)};
}

// Nothing: all is well.
template<typename Check>
std::optional<Failed> failure_of(Check check) {
    try {
        check();
        return std::nullopt;
    } catch (const Failure& failure) {
        return split_failure(failure.what());
    }
}

} // namespace bootview::doctor
