#include "tests/fuzz/image_edits.h"

#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/partition/crc32.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bootview::fuzz {

bool Editor::apply(Input& input) {
    while (!input.empty()) {
        const std::uint8_t first = input.u8();
        const auto kind =
            Edit{static_cast<std::uint8_t>(first % 16 % static_cast<unsigned>(Edit::count))};
        if (kind == Edit::look_around)
            return true;
        edit(kind, volumes_[first / 16 % volumes_.size()], input);
    }
    return false;
}

void Editor::edit(Edit kind, const BaseVolume& volume, Input& input) {
    switch (kind) {
    case Edit::bytes: {
        const std::uint64_t at = place(volume, input.u8()) + input.u16();
        image_.write(at, input.bytes(input.u8()));
        return;
    }
    case Edit::far_bytes: {
        const std::uint64_t at = input.number(5);
        image_.write(at, input.bytes(input.u8()));
        return;
    }
    case Edit::field: {
        const std::uint64_t at = volume.offset + input.u8();
        const unsigned width = 1U << input.u8() % 3;
        image_.put(at, width, input.u32());
        return;
    }
    case Edit::link: {
        const std::uint32_t cluster = input.u32();
        volume.link(image_, cluster, input.u32());
        return;
    }
    case Edit::chain:
        return chain(volume, input);
    case Edit::entries:
        return entries(volume, input);
    case Edit::long_name:
        return long_name(volume, input);
    case Edit::resize:
        image_.resize(input.number(5));
        return;
    case Edit::mend_gpt:
        for (const std::uint64_t sector_size : {std::uint64_t{512}, std::uint64_t{4096}}) {
            mend_gpt(sector_size, sector_size);
            if (image_.size() >= sector_size)
                mend_gpt(image_.size() / sector_size * sector_size - sector_size, sector_size);
        }
        return;
    case Edit::look_around:
    case Edit::count:
        return;
    }
}

std::uint64_t Editor::place(const BaseVolume& volume, std::uint8_t part) const {
    switch (Part{static_cast<std::uint8_t>(part % static_cast<unsigned>(Part::count))}) {
    case Part::boot_sector:
        return volume.offset;
    case Part::information:
        return volume.offset + volume.spec.sector_size;
    case Part::fat:
        return volume.fat;
    case Part::root:
        return volume.root;
    case Part::overlays:
        return volume.cluster(8);
    case Part::deeper:
        return volume.cluster(10);
    case Part::data:
        return volume.cluster(3);
    case Part::mbr:
        return 446;
    case Part::gpt_header:
        return volume.spec.sector_size;
    case Part::gpt_entries:
        return 2 * std::uint64_t{volume.spec.sector_size};
    case Part::image_end:
        return image_.size() - std::min<std::uint64_t>(image_.size(), 4096);
    case Part::count:
        break;
    }
    return 0;
}

void Editor::chain(const BaseVolume& volume, Input& input) {
    std::uint32_t cluster = input.u32();
    std::uint32_t count = std::min<std::uint32_t>(input.u16(), budget_);
    const auto stride = static_cast<std::uint32_t>(static_cast<std::int16_t>(input.u16()));
    budget_ -= count;
    for (; count > 1; --count, cluster += stride)
        volume.link(image_, cluster, cluster + stride);
    volume.link(image_, cluster, 0x0fffffff);
}

void Editor::entries(const BaseVolume& volume, Input& input) {
    std::uint64_t at = place(volume, input.u8());
    at += input.u16() * fat::slot_size;
    const std::uint32_t count = std::min<std::uint32_t>(input.u16(), budget_);
    budget_ -= count;
    std::array<char, 11> name{};
    const auto bytes = input.bytes(name.size());
    std::memcpy(name.data(), bytes.data(), bytes.size());
    const std::uint8_t attributes = input.u8();
    const std::uint32_t cluster = input.u32();
    const std::uint32_t size = input.u32();
    for (std::uint32_t i = 0; i < count; ++i, at += fat::slot_size) {
        image_.write(at, short_slot(name.data(), attributes, cluster, size));
        for (std::size_t digit = 7; digit > 2; --digit) // the next one gets another name
            if (++name[digit] <= 'Z')
                break;
            else
                name[digit] = 'A';
    }
}

void Editor::long_name(const BaseVolume& volume, Input& input) {
    std::uint64_t at = place(volume, input.u8());
    at += input.u16() * fat::slot_size;
    const std::size_t units = input.u8();
    std::array<char, 11> name{};
    const auto bytes = input.bytes(name.size());
    std::memcpy(name.data(), bytes.data(), bytes.size());
    const std::uint8_t attributes = input.u8();
    const std::uint32_t cluster = input.u32();
    const std::uint32_t size = input.u32();
    // The slots of a name that long, with the right numbers and checksums; then its own characters.
    const std::string letters(units, 'x');
    auto slots = long_slots(letters.c_str(), name.data());
    for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
        const auto own = input.bytes(10);
        std::copy(own.begin(), own.end(), slot->begin() + 1);
    }
    slots.push_back(short_slot(name.data(), attributes, cluster, size));
    for (const auto& slot : slots) {
        image_.write(at, slot);
        at += fat::slot_size;
    }
}

void Editor::mend_gpt(std::uint64_t header_at, std::uint64_t sector_size) {
    std::array<std::byte, 8> signature{};
    if (!image_.read(header_at, signature) ||
        std::memcmp(signature.data(), "EFI PART", signature.size()) != 0)
        return;
    const std::uint64_t length = image_.get(header_at + 80, 4) * image_.get(header_at + 84, 4);
    if (length <= std::uint64_t{1} << 20) {
        std::vector<std::byte> table(length);
        if (image_.read(image_.get(header_at + 72, 8) * sector_size, table))
            image_.put(header_at + 88, 4, partition::crc32(table));
    }
    std::vector<std::byte> header(std::min(image_.get(header_at + 12, 4), sector_size));
    image_.put(header_at + 16, 4, 0);
    if (image_.read(header_at, header))
        image_.put(header_at + 16, 4, partition::crc32(header));
}

} // namespace bootview::fuzz
