#include "fuse-fatimg/fat/directory.h"
#include "tests/unit/fat/bytes_builder.h"

#include <gtest/gtest.h>

using namespace bootview::fat;
using bootview::test::put;

namespace {

// Builds directories slot by slot.
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
    Slots& end() {
        add();
        return *this;
    }
    Directory parse(Type type = Type::fat16) const { return parse_directory(bytes_, type); }

private:
    std::span<std::byte> add() {
        bytes_.resize(bytes_.size() + 32);
        return std::span{bytes_}.last(32);
    }
    std::vector<std::byte> bytes_;
};

std::vector<std::string> names(const Directory& directory) {
    std::vector<std::string> result;
    for (const Entry& entry : directory.entries)
        result.push_back(entry.name);
    return result;
}

using Names = std::vector<std::string>;

TEST(Directory, LongNamesOverManySlots) {
    const std::u16string name = u"vc4-kms-dsi-waveshare-panel-with-a-long-name.dtbo";
    const Directory d = Slots{}.long_name(name, "VC4-KM~1DTB").entry("VC4-KM~1DTB").parse();
    ASSERT_EQ(d.entries.size(), 1U);
    EXPECT_EQ(d.entries[0].name, "vc4-kms-dsi-waveshare-panel-with-a-long-name.dtbo");
    EXPECT_EQ(d.entries[0].short_name, "VC4-KM~1.DTB");
    EXPECT_EQ(d.entries[0].slot, 4U);
}

TEST(Directory, ALongNameOfExactlyThirteenUnitsHasNoTerminator) {
    EXPECT_EQ(
        names(Slots{}.long_name(u"thirteen-long", "THIRTE~1   ").entry("THIRTE~1   ").parse()),
        Names{"thirteen-long"});
}

TEST(Directory, AnOrphanedLongNameLeavesTheShortOne) {
    const std::uint8_t wrong = 0x11;
    EXPECT_EQ(names(Slots{}.part(u"wrong.sum", 1, true, wrong).entry("SHORT   TXT").parse()),
              Names{"SHORT.TXT"});
    // Its first part is missing.
    EXPECT_EQ(
        names(Slots{}.part(u"a name of two slots", 2, true, wrong).entry("SHORT   TXT").parse()),
        Names{"SHORT.TXT"});
    // A deleted entry stands between.
    EXPECT_EQ(names(Slots{}
                        .long_name(u"between", "SHORT   TXT")
                        .entry("\xe5OTHER  TXT")
                        .entry("SHORT   TXT")
                        .parse()),
              Names{"SHORT.TXT"});
}

TEST(Directory, EndsAtTheFirstZero) {
    EXPECT_EQ(names(Slots{}.entry("A          ").end().entry("B          ").parse()), Names{"A"});
}

TEST(Directory, DeletedEntriesAndLabelsAreNotShown) {
    const Directory d = Slots{}
                            .entry("BOOTFS     ", attribute_volume_label)
                            .entry("\xe5"
                                   "ONE       ")
                            .entry("KERNEL8 IMG")
                            .parse();
    EXPECT_EQ(names(d), Names{"KERNEL8.IMG"});
    EXPECT_EQ(d.label, "BOOTFS");
}

TEST(Directory, DotsAreRecognisedOnlyInTheirPlaces) {
    const auto dir = attribute_directory;
    EXPECT_TRUE(
        Slots{}.entry(".          ", dir).entry("..         ", dir).parse().begins_with_dots);
    EXPECT_FALSE(
        Slots{}.entry("..         ", dir).entry(".          ", dir).parse().begins_with_dots);
    EXPECT_FALSE(Slots{}.entry("A          ").parse().begins_with_dots);
    EXPECT_TRUE(
        Slots{}.entry(".          ", dir).entry("..         ", dir).parse().entries.empty());
}

TEST(Directory, FirstClusterHasItsHighHalfOnlyOnFat32) {
    Slots slots;
    slots.entry("A          ", attribute_archive, 0x12345);
    EXPECT_EQ(slots.parse(Type::fat32).entries[0].first_cluster, 0x12345U);
    EXPECT_EQ(slots.parse(Type::fat16).entries[0].first_cluster, 0x2345U);
}

TEST(Directory, ANameWithASlashIsShownByItsShortName) {
    EXPECT_EQ(names(Slots{}.long_name(u"a/b", "AB         ").entry("AB         ").parse()),
              Names{"AB"});
}

TEST(Directory, NothingChangedButTheDateOfReadingIsTheSameVersion) {
    const Entry a = Slots{}.entry("A          ").parse().entries[0];
    EXPECT_TRUE(a.is_same_version(Slots{}.entry("A          ").byte(18, 9).parse().entries[0]));
    for (const std::size_t at : {11, 22, 24, 26, 28})
        EXPECT_FALSE(a.is_same_version(Slots{}.entry("A          ").byte(at, 7).parse().entries[0]))
            << at;
}

TEST(Directory, AnyBytesGiveAnAnswer) {
    std::uint32_t x = 7;
    std::vector<std::byte> bytes(4096);
    for (int round = 0; round < 3000; ++round) {
        for (std::byte& b : bytes) {
            x = x * 1664525 + 1013904223;
            b = static_cast<std::byte>(x >> 24);
        }
        for (std::size_t i = 11; i < bytes.size(); i += 32)
            if (std::to_integer<unsigned>(bytes[i]) % 2 == 0)
                bytes[i] = std::byte{attribute_long_name};
        for (const Entry& entry : parse_directory(bytes, Type::fat32).entries)
            ASSERT_TRUE(is_presentable(entry.name));
    }
}

} // namespace
