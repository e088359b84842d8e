// dnsmasq's own reader (src/option.c, read_file() and split()), rule by rule: a configuration means
// here what it means there.
#include "bootview/config/source_line.h"

#include <cctype>

namespace bootview::config {

namespace {

// A character that stood in quotes separates nothing and is no blank.
struct Character {
    char c = 0;
    bool quoted = false;

    bool is(char plain) const { return c == plain && !quoted; }
};
using Characters = std::vector<Character>;

// Between quotes; `at` is behind the first of them, and then behind the last. False: there is none.
bool read_quoted(std::string_view line, std::size_t& at, Characters& characters) {
    static constexpr std::string_view escapes = "\"tnebr\\";
    static constexpr std::string_view meant = "\"\t\n\033\b\r\\";
    for (; at < line.size() && line[at] != '"'; ++at) {
        char c = line[at];
        if (c == '\\' && at + 1 < line.size())
            if (const auto escape = escapes.find(line[at + 1]); escape != std::string_view::npos) {
                c = meant[escape];
                ++at;
            }
        characters.push_back({c, true});
    }
    return at++ < line.size();
}

// Without its comment. False: a quote does not end.
bool read_line(std::string_view line, Characters& characters) {
    bool after_blank = true;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (line[at] == '"') {
            if (!read_quoted(line, ++at, characters))
                return false;
            if (at == line.size())
                break; // what follows a quote is looked at without asking for another
        }
        if (std::isspace(static_cast<unsigned char>(line[at])) != 0) {
            characters.push_back({' '});
            after_blank = true;
        } else if (after_blank && line[at] == '#') {
            break;
        } else {
            characters.push_back({line[at]});
            after_blank = false;
        }
    }
    return true;
}

std::string text_of(Characters::const_iterator begin, Characters::const_iterator end) {
    while (begin != end && begin->is(' '))
        ++begin;
    while (begin != end && (end - 1)->is(' '))
        --end;
    std::string text;
    for (; begin != end; ++begin)
        text += begin->c;
    return text;
}

std::vector<std::string> words_of(Characters::const_iterator begin,
                                  Characters::const_iterator end) {
    std::vector<std::string> words;
    for (auto at = begin;; ++at)
        if (at == end || at->is(',')) {
            words.push_back(text_of(begin, at));
            if (at == end)
                return words;
            begin = at + 1;
        }
}

} // namespace

std::vector<SourceLine> dnsmasq_lines(const Source& source) {
    std::vector<SourceLine> lines;
    unsigned number = 0;
    for (const auto& text : split(source.text, '\n')) {
        ++number;
        Characters characters;
        SourceLine line{source.file, source.place(), number, {}, {}, {}, text, {}, {}};
        if (!read_line(text, characters))
            line.mistake = "a quotation mark is missing; dnsmasq does not start with that";
        auto value = characters.cbegin();
        if (source.key.empty())
            while (value != characters.cend() && value->c != '=')
                ++value;
        line.key = source.key.empty() ? text_of(characters.cbegin(), value) : source.key;
        if (source.key.empty() && value != characters.cend())
            ++value;
        line.value = text_of(value, characters.cend());
        line.words = words_of(value, characters.cend());
        if (!line.key.empty() && !(line.value.empty() && !source.key.empty()))
            lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace bootview::config
