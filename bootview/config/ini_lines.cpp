// Two formats that look alike and are not: what Python's ConfigParser reads, and GLib's GKeyFile.
#include "bootview/config/source_line.h"

#include "common/lower_case.h"

namespace bootview::config {

namespace {

std::size_t indent_of(std::string_view line) {
    const auto first = line.find_first_not_of(" \t\r\v\f");
    return first == std::string_view::npos ? 0 : first;
}

// The lines as they are: their indent counts.
std::vector<std::string_view> raw_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

// A value of GKeyFile.
std::string unescaped(const std::string& value, std::string& mistake) {
    std::string text;
    for (std::size_t at = 0; at < value.size(); ++at) {
        static constexpr std::string_view escapes = "sntr\\";
        static constexpr std::string_view meant = " \n\t\r\\";
        if (value[at] != '\\') {
            text += value[at];
            continue;
        }
        const auto escape =
            at + 1 < value.size() ? escapes.find(value[at + 1]) : std::string_view::npos;
        if (escape == std::string_view::npos) {
            mistake = "a \\ is written \\\\; nbd-server does not take this value";
            text += value[at];
        } else {
            text += meant[escape];
            ++at;
        }
    }
    return text;
}

} // namespace

std::vector<SourceLine> config_parser_lines(const Source& source) {
    std::vector<SourceLine> lines;
    std::string section;
    bool in_section = false;
    bool has_key = false;          // the line before is one that a value may go on from
    std::size_t indent = SIZE_MAX; // of that line; after an empty line nothing goes on
    unsigned number = 0;
    for (const auto raw : raw_lines(source.text)) {
        ++number;
        const auto text = trimmed(raw);
        if (text.empty() || text.front() == '#' || text.front() == ';') {
            indent = SIZE_MAX;
            continue;
        }
        if (has_key && indent_of(raw) > indent) {
            lines.back().value += (lines.back().value.empty() ? "" : "\n") + text;
            lines.back().text += " " + text;
            continue;
        }
        indent = indent_of(raw);
        SourceLine line{source.file, source.place(), number, section, {}, {}, text, {}, {}};
        const auto closed = text.rfind(']');
        if (text.front() == '[' && closed != std::string::npos && closed > 1) {
            section = text.substr(1, closed - 1); // whatever follows it does not count
            in_section = true;
            has_key = false;
            line.section = section;
        } else {
            // nobodd takes '=' alone; other users of ConfigParser know ':' as well.
            const auto sign = text.find(text.find('=') == std::string::npos ? ':' : '=');
            line.key = lower_case(trimmed(std::string_view(text).substr(0, sign)));
            has_key = true;
            if (sign == std::string::npos)
                line.mistake = "it is neither KEY = VALUE nor a section";
            else
                line.value = trimmed(std::string_view(text).substr(sign + 1));
            if (line.key.empty())
                line.mistake = "it has no key";
            if (!in_section)
                line.mistake = "it stands before the first section";
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<SourceLine> key_file_lines(const Source& source) {
    std::vector<SourceLine> lines;
    std::string section;
    bool in_section = false;
    unsigned number = 0;
    for (const auto& text : split(source.text, '\n')) {
        ++number;
        if (text.empty() || text.front() == '#')
            continue;
        SourceLine line{source.file, source.place(), number, section, {}, {}, text, {}, {}};
        const auto equals = text.find('=');
        if (text.front() == '[' && text.back() == ']') {
            section = text.substr(1, text.size() - 2);
            in_section = true;
            line.section = section;
        } else if (equals == std::string::npos || equals == 0) {
            line.key = text;
            line.mistake = "it is neither KEY = VALUE, a [section] nor a comment with #; "
                           "nbd-server does not start with that";
        } else {
            line.key = trimmed(std::string_view(text).substr(0, equals));
            line.value =
                unescaped(trimmed(std::string_view(text).substr(equals + 1)), line.mistake);
            if (!in_section)
                line.mistake = "it stands before the first section";
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace bootview::config
