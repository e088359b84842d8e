#include "fuse-fatimg/fat/code_page.h"

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/utf8.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <type_traits>

#include <fmt/format.h>
#include <iconv.h>
#include <locale.h>
#include <wctype.h>

namespace bootview::fat {

namespace {

// Code page 437, 0x80 … 0xff.
constexpr std::array<std::uint16_t, 128> upper_half_of_437{
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

// The C library's converter from one code page to UTF-16.
class Converter {
public:
    explicit Converter(const std::string& name) : handle_(::iconv_open("UTF-16LE", name.c_str())) {}
    ~Converter() {
        if (*this)
            ::iconv_close(handle_);
    }
    Converter(const Converter&) = delete;
    Converter& operator=(const Converter&) = delete;
    explicit operator bool() const { return handle_ != reinterpret_cast<iconv_t>(-1); } // NOLINT

    // The one UTF-16 unit that these bytes mean, all of them.
    std::optional<std::uint16_t> convert(std::span<const std::uint8_t> bytes) const {
        std::array<char, 2> in{};
        std::copy(bytes.begin(), bytes.end(), in.begin());
        std::array<unsigned char, 8> out{};
        char* from = in.data();
        char* to = reinterpret_cast<char*>(out.data());
        std::size_t left = bytes.size();
        std::size_t room = out.size();
        ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
        if (::iconv(handle_, &from, &left, &to, &room) != 0 || left != 0 ||
            ::iconv(handle_, nullptr, nullptr, &to, &room) == static_cast<std::size_t>(-1) ||
            room != out.size() - 2)
            return std::nullopt;
        return static_cast<std::uint16_t>(out[0] | out[1] << 8);
    }

private:
    iconv_t handle_;
};

} // namespace

CodePage::CodePage(const Table& single) : single_(single) {
    find_small_letters();
}

// A small letter counts only where the code page has it too, as with Linux.
void CodePage::find_small_letters() {
    small_ = single_;
    const std::unique_ptr<std::remove_pointer_t<locale_t>, void (*)(locale_t)> unicode{
        ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr), ::freelocale};
    for (std::uint16_t& unit : small_) {
        if (unit >= first)
            continue;
        const std::uint16_t small =
            unit >= 'A' && unit <= 'Z' ? static_cast<std::uint16_t>(unit + ('a' - 'A'))
            : unit < 0x80 || !unicode
                ? unit
                : static_cast<std::uint16_t>(::towlower_l(unit, unicode.get()));
        if (std::find(single_.begin(), single_.end(), small) != single_.end())
            unit = small;
    }
}

const CodePage& CodePage::cp437() {
    static const CodePage page = [] {
        Table single{};
        for (std::size_t i = 0; i < single.size(); ++i)
            single[i] = i < 0x80 ? static_cast<std::uint16_t>(i) : upper_half_of_437[i - 0x80];
        return CodePage{single};
    }();
    return page;
}

CodePage CodePage::load(std::string_view name) {
    std::string number{name};
    if (number.starts_with("cp") || number.starts_with("CP"))
        number.erase(0, 2);
    if (number == "437")
        return cp437();
    if (number.empty() || number.size() > 5 ||
        number.find_first_not_of("0123456789") != std::string::npos)
        throw Refused(fmt::format("codepage={}: must be a number such as 437, 850 or 932", name));
    const Converter converter{"CP" + number};
    if (!converter)
        throw Refused(fmt::format("codepage={}: the C library knows no such code page: `iconv -l` "
                                  "lists those it has, as CP{}",
                                  name, number));
    Table single{};
    std::array<std::uint8_t, 2> bytes{};
    for (std::size_t i = 0; i < single.size(); ++i) {
        bytes[0] = static_cast<std::uint8_t>(i);
        // FAT needs ASCII to be itself, whatever national variants say of the backslash.
        single[i] = i < 0x80 ? static_cast<std::uint16_t>(i)
                             : converter.convert(std::span{bytes}.first(1)).value_or(none);
    }
    CodePage page{single};
    for (std::size_t i = 0x80; i < single.size(); ++i) {
        if (single[i] != none)
            continue;
        bytes[0] = static_cast<std::uint8_t>(i);
        for (unsigned second = 0x20; second < 0x100; ++second) {
            bytes[1] = static_cast<std::uint8_t>(second);
            if (const auto unit = converter.convert(bytes)) {
                page.single_[i] = page.small_[i] = first;
                page.pairs_[static_cast<std::uint16_t>(i << 8 | second)] = *unit;
            }
        }
    }
    return page;
}

void CodePage::decode(std::span<const std::uint8_t> field, bool lower, std::string& out) const {
    const Table& table = lower ? small_ : single_;
    for (std::size_t i = 0; i < field.size(); ++i) {
        std::uint16_t unit = table[field[i]];
        if (unit == first) {
            unit = none;
            if (i + 1 < field.size()) {
                const auto pair =
                    pairs_.find(static_cast<std::uint16_t>(field[i] << 8 | field[i + 1]));
                if (pair != pairs_.end()) {
                    unit = pair->second;
                    ++i;
                }
            }
        }
        append_utf8(out, unit == none ? '?' : unit);
    }
}

} // namespace bootview::fat
