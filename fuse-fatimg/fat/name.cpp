#include "fuse-fatimg/fat/name.h"

#include "fuse-fatimg/fat/utf8.h"

#include <algorithm>

namespace bootview::fat {

namespace {

// A field ends at its first NUL, as for Linux, and without the spaces that fill it.
std::span<const std::uint8_t> used_part(std::span<const std::uint8_t> field) {
    std::size_t length =
        static_cast<std::size_t>(std::find(field.begin(), field.end(), 0) - field.begin());
    while (length > 0 && field[length - 1] == ' ')
        --length;
    return field.first(length);
}

// 0x05 in the first place stands for a real 0xe5, which would mean "deleted".
ShortName unmarked(const ShortName& raw) {
    ShortName name = raw;
    if (name[0] == 0x05)
        name[0] = 0xe5;
    return name;
}

} // namespace

std::uint8_t checksum(const ShortName& name) {
    unsigned sum = 0;
    for (const std::uint8_t byte : name)
        sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
    return static_cast<std::uint8_t>(sum);
}

std::string decode_short(const ShortName& raw, std::uint8_t case_bits, const CodePage& code_page) {
    const ShortName name = unmarked(raw);
    const std::span all{name};
    std::string out;
    code_page.decode(used_part(all.first(8)), (case_bits & lower_case_base) != 0, out);
    if (const auto extension = used_part(all.subspan(8)); !extension.empty()) {
        out.push_back('.');
        code_page.decode(extension, (case_bits & lower_case_extension) != 0, out);
    }
    std::replace(out.begin(), out.end(), '/', '?');
    return out;
}

std::string decode_label(const ShortName& raw, const CodePage& code_page) {
    const ShortName name = unmarked(raw);
    std::string out;
    code_page.decode(used_part(name), false, out);
    return out;
}

std::string decode_utf16(std::span<const std::uint16_t> units) {
    std::string out;
    for (std::size_t i = 0; i < units.size(); ++i) {
        std::uint32_t c = units[i];
        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units.size() && units[i + 1] >= 0xdc00 &&
            units[i + 1] < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (units[i + 1] - 0xdc00U);
            ++i;
        }
        append_utf8(out, c);
    }
    return out;
}

bool is_presentable(std::string_view name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

std::string fold(std::string_view name) {
    while (!name.empty() && name.back() == '.')
        name.remove_suffix(1);
    std::string folded{name};
    std::transform(folded.begin(), folded.end(), folded.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return folded;
}

} // namespace bootview::fat
