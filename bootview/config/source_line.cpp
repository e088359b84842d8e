#include "bootview/config/source_line.h"

#include <fmt/format.h>

namespace bootview::config {

namespace {

constexpr std::string_view blank = " \t\r\v\f";

} // namespace

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos)
        return {};
    return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (true) {
        const auto end = text.find(at);
        parts.push_back(trimmed(text.substr(0, end)));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::string SourceLine::place() const {
    return fmt::format("{}:{}", file, number);
}

std::vector<SourceLine> lines_of(const Source& source) {
    std::vector<SourceLine> lines;
    std::string section;
    unsigned number = 0;
    for (const auto& text : split(source.text, '\n')) {
        ++number;
        if (text.empty() || text.front() == '#' || text.front() == ';')
            continue;
        SourceLine line;
        line.file = source.file;
        line.number = number;
        line.text = text;
        if (text.front() == '[' && text.back() == ']') {
            section = trimmed(std::string_view(text).substr(1, text.size() - 2));
        } else {
            const auto equals = text.find('=');
            line.key = trimmed(std::string_view(text).substr(0, equals));
            line.value = equals == std::string::npos
                             ? ""
                             : trimmed(std::string_view(text).substr(equals + 1));
        }
        line.section = section;
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace bootview::config
