#include "tftp-bridge/tftp/file_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace bootview::tftp {
namespace {

bool is_control(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
}

} // namespace

std::string clean_name(std::string_view asked) {
    // 0xff never ends a UTF-8 name; other bytes beyond ASCII may.
    while (!asked.empty() &&
           (is_control(asked.back()) || asked.back() == ' ' || asked.back() == '\xff'))
        asked.remove_suffix(1);

    std::string name;
    name.reserve(asked.size());
    while (!asked.empty()) {
        const auto part = asked.substr(0, asked.find_first_of("/\\"));
        const bool last = part.size() == asked.size();
        asked.remove_prefix(std::min(part.size() + 1, asked.size()));
        if (part.empty() || part == ".")
            continue;
        name += part;
        if (!last)
            name += '/';
    }
    return name;
}

std::string without_own_path(const std::string& name, std::string_view root) {
    auto own = clean_name(root);
    if (own.ends_with('/'))
        own.pop_back();
    const auto rest = own.size() + 1;
    if (own.empty() || name.size() <= rest || !name.starts_with(own) || name[own.size()] != '/')
        return name;
    return name.substr(rest);
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
