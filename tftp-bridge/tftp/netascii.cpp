#include "tftp-bridge/tftp/netascii.h"

#include <algorithm>

namespace bootview::tftp {
namespace {

constexpr std::byte nul{0};
constexpr std::byte line_feed{'\n'};
constexpr std::byte carriage_return{'\r'};

} // namespace

std::size_t netascii_size(Bytes text) {
    const auto doubled = std::count_if(text.begin(), text.end(), [](std::byte b) {
        return b == line_feed || b == carriage_return;
    });
    return text.size() + static_cast<std::size_t>(doubled);
}

void netascii_encode(Bytes text, std::span<std::byte> out) {
    auto to = out.begin();
    for (const auto b : text) {
        if (b == line_feed)
            *to++ = carriage_return;
        *to++ = b;
        if (b == carriage_return)
            *to++ = nul;
    }
}

} // namespace bootview::tftp
