#include "common/line_origins.h"

#include <charconv>
#include <iterator>
#include <utility>

namespace bootview {

namespace {

constexpr std::string_view mark = "#: ";

} // namespace

std::string origin_comment(std::string_view file, unsigned line) {
    return std::string(mark) + std::string(file) + ":" + std::to_string(line) + "\n";
}

LineOrigins::LineOrigins(std::string_view text, std::string file) : file_(std::move(file)) {
    for (unsigned number = 1; !text.empty(); ++number) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() == text.size() ? text.size() : line.size() + 1);
        const auto colon = line.rfind(':');
        if (!line.starts_with(mark) || colon < mark.size())
            continue;
        Origin origin;
        origin.file = line.substr(mark.size(), colon - mark.size());
        const auto digits = line.substr(colon + 1);
        const auto [stop, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), origin.line);
        if (error == std::errc{} && stop == digits.data() + digits.size())
            origins_[number + 1] = std::move(origin);
    }
}

std::string LineOrigins::of(unsigned line) const {
    const auto after = origins_.upper_bound(line);
    if (after == origins_.begin())
        return file_ + ":" + std::to_string(line);
    const auto& [first, origin] = *std::prev(after);
    return origin.file + ":" + std::to_string(origin.line + (line - first));
}

std::string LineOrigins::also(unsigned line) const {
    return origins_.upper_bound(line) == origins_.begin() ? "line " + std::to_string(line)
                                                          : of(line);
}

} // namespace bootview
