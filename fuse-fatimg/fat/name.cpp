#include "fuse-fatimg/fat/name.h"

#include <algorithm>

namespace bootview::fat {

namespace {

// Code page 437, 0x80 … 0xff.
constexpr std::array<std::uint16_t, 128> upper_half{
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

void append_utf8(std::string& out, std::uint32_t c) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xc0 | c >> 6);
        put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        put(0xe0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3f));
        put(0x80 | (c & 0x3f));
    } else {
        put(0xf0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3f));
        put(0x80 | (c >> 6 & 0x3f));
        put(0x80 | (c & 0x3f));
    }
}

void append_padded(std::string& out, std::span<const std::uint8_t> field, bool lower) {
    std::size_t length = field.size();
    while (length > 0 && field[length - 1] == ' ')
        --length;
    for (const std::uint8_t byte : field.first(length)) {
        if (byte >= 0x80)
            append_utf8(out, upper_half[byte - 0x80]);
        else if (lower && byte >= 'A' && byte <= 'Z')
            out.push_back(static_cast<char>(byte + ('a' - 'A')));
        else
            out.push_back(static_cast<char>(byte));
    }
}

} // namespace

std::uint8_t checksum(const ShortName& name) {
    unsigned sum = 0;
    for (const std::uint8_t byte : name)
        sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
    return static_cast<std::uint8_t>(sum);
}

std::string decode_short(const ShortName& raw, std::uint8_t case_bits) {
    ShortName name = raw;
    if (name[0] == 0x05) // stands for a real 0xe5, which would mean "deleted"
        name[0] = 0xe5;
    const std::span all{name};
    std::string out;
    append_padded(out, all.first(8), (case_bits & 0x08) != 0);
    std::string extension;
    append_padded(extension, all.subspan(8), (case_bits & 0x10) != 0);
    if (!extension.empty())
        out += "." + extension;
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
