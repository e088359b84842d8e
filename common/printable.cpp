#include "common/printable.h"

#include <cstddef>
#include <cstdint>

namespace bootview {
namespace {

struct Character {
    std::uint32_t code = 0;
    std::size_t length = 0; // bytes; 0: this is no UTF-8
};

// The character at the start of `text`, which is not empty (RFC 3629 §4).
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
        return {};
    std::uint32_t code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return {};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return overlong || surrogate || code > 0x10ffff ? Character{} : Character{code, length};
}

bool shows_itself(std::uint32_t code) {
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool ends_line = code == 0x2028 || code == 0x2029;
    // Unicode Standard Annex #9, and marks that nobody sees.
    const bool directs = code == 0x061c || (code >= 0x200b && code <= 0x200f) ||
                         (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
                         code == 0xfeff;
    const bool tag = code >= 0xe0000 && code <= 0xe007f;
    return !control && !ends_line && !directs && !tag;
}

void append_escaped(std::string& to, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        to += "\\x";
        to += digits[value >> 4];
        to += digits[value & 15];
    }
}

enum class Form { escaped, escaped_but_line_feeds, question_mark };

std::string shown(std::string_view text, Form form) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const auto character = first_character(text);
        const auto length = character.length == 0 ? 1 : character.length;
        const auto bytes = text.substr(0, length);
        if ((character.length != 0 && shows_itself(character.code)) ||
            (form == Form::escaped_but_line_feeds && bytes == "\n"))
            result += bytes;
        else if (form == Form::question_mark)
            result += '?';
        else
            append_escaped(result, bytes);
        text.remove_prefix(length);
    }
    return result;
}

} // namespace

std::string printable(std::string_view text) {
    return shown(text, Form::escaped);
}

std::string printable_lines(std::string_view text) {
    return shown(text, Form::escaped_but_line_feeds);
}

std::string printable_in_column(std::string_view text) {
    return shown(text, Form::question_mark);
}

} // namespace bootview
