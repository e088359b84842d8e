// Datagrams written as string literals; "\0" inside counts.
#pragma once

#include "tftp-bridge/tftp/packet.h"

#include <string>
#include <string_view>
#include <vector>

namespace bootview::tftp {

template<std::size_t N>
std::vector<std::byte> bytes(const char (&literal)[N]) {
    std::vector<std::byte> result; // without the literal's own NUL at the end
    for (std::size_t i = 0; i + 1 < N; ++i)
        result.push_back(static_cast<std::byte>(literal[i]));
    return result;
}

} // namespace bootview::tftp
