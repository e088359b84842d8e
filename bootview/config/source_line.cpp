#include "bootview/config/source_line.h"

#include <filesystem>

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

std::string SourceLine::path() const {
    return (std::filesystem::path(directory) / value).lexically_normal().string();
}

std::vector<SourceLine> lines_of(const Source& source, ImportKind kind) {
    switch (kind) {
    case ImportKind::nobodd:
        return config_parser_lines(source);
    case ImportKind::nbd_server:
        return key_file_lines(source);
    case ImportKind::dnsmasq:
        return dnsmasq_lines(source);
    }
    return {};
}

} // namespace bootview::config
