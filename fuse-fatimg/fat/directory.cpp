#include "fuse-fatimg/fat/directory.h"

#include "fuse-fatimg/image/bytes.h"

#include <algorithm>
#include <array>

namespace bootview::fat {

namespace {

constexpr std::uint8_t mark_end = 0x00;
constexpr std::uint8_t mark_deleted = 0xe5;

constexpr std::size_t units_per_slot = 13;
constexpr std::size_t maximum_long_slots = 20;

using Slot = std::span<const std::byte>;

// Collects the slots of a long name, which stand before their short entry, last part first.
class LongName {
public:
    void reset() {
        expected_ = 0;
        complete_ = false;
    }

    void add(Slot slot) {
        const std::uint8_t order = get8(slot, 0);
        const std::size_t number = order & ~0x40U; // an impossible one, if other bits are set
        if ((order & 0x40) != 0) {                 // the last part of the name: a new one begins
            if (number == 0 || number > maximum_long_slots)
                return reset();
            sum_ = get8(slot, 13);
            length_ = number * units_per_slot;
        } else if (number == 0 || number != expected_ || get8(slot, 13) != sum_) {
            return reset();
        }
        static constexpr std::array<std::uint8_t, units_per_slot> places{1,  3,  5,  7,  9,  14, 16,
                                                                         18, 20, 22, 24, 28, 30};
        for (std::size_t i = 0; i < places.size(); ++i)
            units_[(number - 1) * units_per_slot + i] = get16(slot, places[i]);
        expected_ = number - 1;
        complete_ = number == 1;
    }

    // The name, if all its parts were there and belong to this short entry; empty otherwise.
    std::string take(const ShortName& short_name) {
        const bool usable = complete_ && sum_ == checksum(short_name);
        reset();
        if (!usable)
            return {};
        const std::span all = std::span{units_}.first(length_);
        return decode_utf16(all.first(
            static_cast<std::size_t>(std::find(all.begin(), all.end(), 0) - all.begin())));
    }

private:
    std::array<std::uint16_t, maximum_long_slots * units_per_slot> units_{};
    std::size_t length_ = 0;
    std::size_t expected_ = 0; // number of the slot that must come next; 0: none
    std::uint8_t sum_ = 0;
    bool complete_ = false;
};

ShortName short_name_of(Slot slot) {
    ShortName name;
    for (std::size_t i = 0; i < name.size(); ++i)
        name[i] = get8(slot, i);
    return name;
}

} // namespace

bool Entry::is_same_version(const Entry& other) const {
    return name == other.name && short_name == other.short_name && slot == other.slot &&
           attributes == other.attributes && first_cluster == other.first_cluster &&
           size == other.size && modified_date == other.modified_date &&
           modified_time == other.modified_time && created_date == other.created_date &&
           created_time == other.created_time && created_tenths == other.created_tenths;
}

Directory parse_directory(std::span<const std::byte> data, Type type, const CodePage& code_page) {
    Directory directory;
    LongName long_name;
    bool dot = false;
    for (std::size_t i = 0; (i + 1) * slot_size <= data.size() && i < maximum_slots; ++i) {
        const Slot slot = data.subspan(i * slot_size, slot_size);
        const std::uint8_t mark = get8(slot, 0);
        const std::uint8_t attributes = get8(slot, 11);
        if (mark == mark_end)
            break;
        if (mark == mark_deleted) {
            long_name.reset();
            continue;
        }
        if ((attributes & 0x3f) == attribute_long_name) {
            long_name.add(slot);
            continue;
        }
        const ShortName raw = short_name_of(slot);
        std::string name = long_name.take(raw);
        if ((attributes & attribute_volume_label) != 0) {
            if (directory.label.empty() && (attributes & attribute_directory) == 0)
                directory.label = decode_label(raw, code_page);
            continue;
        }

        Entry entry;
        entry.short_name = decode_short(raw, 0, code_page);
        const bool is_directory = (attributes & attribute_directory) != 0;
        directory.directories += is_directory ? 1 : 0;
        if (i == 0 && is_directory && entry.short_name == ".")
            dot = true;
        if (i == 1 && is_directory && entry.short_name == "..")
            directory.begins_with_dots = dot;
        if (!is_presentable(name)) // none, or a damaged one: the short name is still good
            name = decode_short(raw, get8(slot, 12), code_page);
        if (!is_presentable(name)) // all of it blank, or one of the dots
            continue;
        entry.name = std::move(name);
        entry.slot = static_cast<std::uint32_t>(i);
        entry.attributes = attributes;
        entry.first_cluster = get16(slot, 26);
        if (type == Type::fat32)
            entry.first_cluster |= static_cast<Cluster>(get16(slot, 20)) << 16;
        entry.size = get32(slot, 28);
        entry.created_tenths = get8(slot, 13);
        entry.created_time = get16(slot, 14);
        entry.created_date = get16(slot, 16);
        entry.accessed_date = get16(slot, 18);
        entry.modified_time = get16(slot, 22);
        entry.modified_date = get16(slot, 24);
        directory.entries.push_back(std::move(entry));
    }
    return directory;
}

} // namespace bootview::fat
