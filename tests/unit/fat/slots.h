// Builds directories slot by slot.
#pragma once

#include "fuse-fatimg/fat/directory.h"
#include "tests/unit/fat/bytes_builder.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace bootview::test {

using namespace fat;

class Slots {
public:
    Slots& entry(const char* name, std::uint8_t attributes = attribute_archive, Cluster cluster = 5,
                 std::uint32_t size = 100) {
        auto slot = add();
        std::memcpy(slot.data(), name, 11);
        slot[11] = std::byte{attributes};
        put(slot, 20, 2, cluster >> 16);
        put(slot, 26, 2, cluster & 0xffff);
        put(slot, 28, 4, size);
        return *this;
    }
    // The slots of a long name for a short one.
    Slots& long_name(const std::u16string& name, const char* short_name) {
        ShortName raw;
        std::memcpy(raw.data(), short_name, 11);
        const std::size_t count = (name.size() + 12) / 13;
        for (std::size_t n = count; n > 0; --n)
            part(name, n, n == count, checksum(raw));
        return *this;
    }
    Slots& part(const std::u16string& name, std::size_t number, bool last, std::uint8_t sum) {
        auto slot = add();
        slot[0] = static_cast<std::byte>(number | (last ? 0x40 : 0));
        slot[11] = std::byte{attribute_long_name};
        slot[13] = std::byte{sum};
        constexpr std::array places{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
        for (std::size_t i = 0; i < places.size(); ++i) {
            const std::size_t at = (number - 1) * 13 + i;
            put(slot, static_cast<std::size_t>(places[i]), 2,
                at < name.size()    ? name[at]
                : at == name.size() ? 0
                                    : 0xffff);
        }
        return *this;
    }
    Slots& byte(std::size_t at, std::uint8_t value) { // of the last slot
        bytes_[bytes_.size() - 32 + at] = std::byte{value};
        return *this;
    }
    Slots& fill(std::size_t count, const char* name) { // the same entry again and again
        for (std::size_t i = 0; i < count; ++i)
            entry(name);
        return *this;
    }
    Slots& end() {
        add();
        return *this;
    }
    Directory parse(Type type = Type::fat16, const CodePage& code_page = CodePage::cp437()) const {
        return parse_directory(bytes_, type, code_page);
    }

private:
    std::span<std::byte> add() {
        bytes_.resize(bytes_.size() + 32);
        return std::span{bytes_}.last(32);
    }
    std::vector<std::byte> bytes_;
};

inline std::vector<std::string> names(const Directory& directory) {
    std::vector<std::string> result;
    for (const Entry& entry : directory.entries)
        result.push_back(entry.name);
    return result;
}

using Names = std::vector<std::string>;

} // namespace bootview::test
