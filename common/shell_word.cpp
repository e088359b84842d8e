#include "common/shell_word.h"

#include <algorithm>

namespace bootview {

namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"/._-+:@%,="}.find(c) != std::string_view::npos;
}

// Three digits: what follows may be one, too.
std::string octal(char c) {
    const auto value = static_cast<unsigned char>(c);
    return {'\\', static_cast<char>('0' + value / 64), static_cast<char>('0' + value / 8 % 8),
            static_cast<char>('0' + value % 8)};
}

// As one line, whatever is in it.
std::string with_escapes(std::string_view word) {
    std::string text = "$'";
    for (const char c : word) {
        if (c == '\'' || c == '\\')
            text += '\\';
        text += is_control(c) ? octal(c) : std::string{c};
    }
    return text + "'";
}

} // namespace

std::string shell_word(std::string_view word) {
    if (!word.empty() && word.front() != '-' && std::all_of(word.begin(), word.end(), is_plain))
        return std::string{word};
    if (std::any_of(word.begin(), word.end(), is_control))
        return with_escapes(word);
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return text + "'";
}

} // namespace bootview
