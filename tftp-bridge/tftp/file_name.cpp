#include "tftp-bridge/tftp/file_name.h"

#include <fmt/format.h>

namespace bootview::tftp {
namespace {

bool is_control(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
}

} // namespace

std::string clean_name(std::string_view asked) {
    // 0xff never ends a UTF-8 name; other bytes beyond ASCII may.
    while (!asked.empty() && (is_control(asked.back()) || asked.back() == '\xff'))
        asked.remove_suffix(1);

    std::string name;
    name.reserve(asked.size());
    for (char c : asked) {
        if (c == '\\')
            c = '/';
        if (c == '/' && (name.empty() || name.back() == '/'))
            continue;
        name.push_back(c);
    }
    return name;
}

std::string printable(std::string_view text) {
    constexpr std::size_t most = 200;
    std::string result;
    for (const char c : text) {
        if (result.size() >= most) {
            result += "...";
            break;
        }
        if (is_control(c) || static_cast<unsigned char>(c) >= 0x80 || c == '\\' || c == '"')
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            result.push_back(c);
    }
    return result;
}

} // namespace bootview::tftp
