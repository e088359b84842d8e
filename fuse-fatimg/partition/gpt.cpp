#include "fuse-fatimg/partition/gpt.h"

#include "fuse-fatimg/image/bytes.h"
#include "fuse-fatimg/partition/crc32.h"
#include "fuse-fatimg/partition/guid.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace bootview::partition {

namespace {

// As much as Linux reads, and far more than any disk has: bounds what a header can make us read.
constexpr std::uint64_t maximum_table = 4 << 20;
constexpr std::uint32_t minimum_entry_size = 128;

// One of the two: header and table.
struct Copy {
    bool has_signature = false;
    std::uint64_t lba = 0;
    std::uint64_t other_lba = 0; // where it says that the other one is
    std::uint32_t count = 0;
    std::uint32_t entry_size = minimum_entry_size;
    std::uint32_t checksum = 0; // of the entries
    std::string disk;
    std::vector<std::byte> entries;
    const char* damage = nullptr; // null: it is sound
};

Copy damaged(Copy copy, const char* how) {
    copy.damage = how;
    return copy;
}

Copy read_copy(const ReadAt& read, const GptSearch& search, std::uint64_t lba) {
    Copy copy;
    copy.lba = lba;
    const std::uint64_t sectors = search.image_size / search.sector_size;
    std::vector<std::byte> header(search.sector_size);
    if (lba >= sectors || !read(lba * search.sector_size, header) ||
        std::memcmp(header.data(), "EFI PART", 8) != 0)
        return damaged(std::move(copy), "there is no header");
    copy.has_signature = true;
    copy.other_lba = get64(header, 32);

    const std::uint32_t header_size = get32(header, 12);
    if (header_size < 92 || header_size > search.sector_size)
        return damaged(std::move(copy), "its header has an impossible size");
    const std::uint32_t stated = get32(header, 16);
    std::fill_n(header.begin() + 16, 4, std::byte{0}); // the checksum is taken with itself zero
    if (crc32(std::span{header}.first(header_size)) != stated)
        return damaged(std::move(copy), "the checksum of its header is wrong");

    const std::uint64_t entries_lba = get64(header, 72);
    copy.count = get32(header, 80);
    copy.entry_size = get32(header, 84);
    copy.checksum = get32(header, 88);
    copy.disk = guid_text(std::span{header}.subspan(56, 16));
    const std::uint64_t length = std::uint64_t{copy.count} * copy.entry_size;
    if (get64(header, 24) != lba || copy.count == 0 || copy.entry_size < minimum_entry_size ||
        copy.entry_size % minimum_entry_size != 0 || length > maximum_table ||
        entries_lba >= sectors || length > search.image_size - entries_lba * search.sector_size)
        return damaged(std::move(copy), "the fields of its header are out of range");
    copy.entries.resize(length);
    if (!read(entries_lba * search.sector_size, copy.entries) ||
        crc32(copy.entries) != copy.checksum)
        return damaged(std::move(copy), "the checksum of its table is wrong");
    return copy;
}

// 36 UTF-16 units, ended by a zero. Whatever is no text becomes U+FFFD.
std::string name_of(std::span<const std::byte> units) {
    std::string name;
    const auto append = [&](std::uint32_t c) {
        if (c < 0x80) {
            name += static_cast<char>(c);
            return;
        }
        if (c < 0x800)
            name += static_cast<char>(0xc0 | c >> 6);
        else if (c < 0x10000)
            (name += static_cast<char>(0xe0 | c >> 12)) +=
                static_cast<char>(0x80 | (c >> 6 & 0x3f));
        else
            ((name += static_cast<char>(0xf0 | c >> 18)) +=
             static_cast<char>(0x80 | (c >> 12 & 0x3f))) +=
                static_cast<char>(0x80 | (c >> 6 & 0x3f));
        name += static_cast<char>(0x80 | (c & 0x3f));
    };
    for (std::size_t at = 0; at + 2 <= units.size(); at += 2) {
        const std::uint32_t unit = get16(units, at);
        if (unit == 0)
            break;
        const bool leads = unit >= 0xd800 && unit < 0xdc00 && at + 4 <= units.size();
        const std::uint32_t next = leads ? get16(units, at + 2) : 0;
        if (leads && next >= 0xdc00 && next < 0xe000) {
            append(0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00));
            at += 2;
        } else {
            append((unit >= 0xd800 && unit < 0xe000) || unit < 0x20 ? 0xfffd : unit);
        }
    }
    return name;
}

void take_partitions(const Copy& copy, const GptSearch& search, Table& table) {
    const std::uint64_t sectors = search.image_size / search.sector_size;
    unsigned reversed = 0;
    unsigned cut = 0;
    const auto past_end = [&](std::uint64_t last) { // a damaged entry may say anything
        constexpr std::uint64_t most = std::uint64_t{1} << 48;
        return std::min(last - sectors, most) + 1;
    };
    for (std::uint32_t i = 0; i < copy.count; ++i) {
        const auto entry =
            std::span{copy.entries}.subspan(std::size_t{i} * copy.entry_size, copy.entry_size);
        if (std::all_of(entry.begin(), entry.begin() + 16,
                        [](std::byte b) { return b == std::byte{0}; }))
            continue; // type GUID zero: unused
        const std::uint64_t first = get64(entry, 32);
        const std::uint64_t last = get64(entry, 40);
        if (first == 0 || last < first) {
            if (++reversed <= said_at_most)
                table.remarks.push_back(
                    fmt::format("partition {} ends before it begins: delete it with sgdisk -d {}",
                                i + 1, i + 1));
            continue;
        }
        if (last >= sectors && ++cut <= said_at_most)
            table.remarks.push_back(cut_off_remark(i + 1));
        if (first >= sectors)
            continue;
        table.partitions.push_back(
            {i + 1,
             {first * search.sector_size,
              (std::min(last, sectors - 1) - first + 1) * search.sector_size},
             0,
             guid_text(entry),
             guid_text(entry.subspan(16)),
             name_of(entry.subspan(56, 72)),
             last >= sectors ? past_end(last) * search.sector_size : 0});
    }
}

// The primary is sound: is there something to be said about the other?
void look_at_backup(const ReadAt& read, const GptSearch& search, const Copy& primary,
                    Table& table) {
    const std::uint64_t sectors = search.image_size / search.sector_size;
    if (primary.other_lba >= sectors) {
        table.remarks.emplace_back("the backup GPT lies past the end of the image, which seems "
                                   "truncated: copy it again");
        return;
    }
    const Copy backup = read_copy(read, search, primary.other_lba);
    if (backup.damage != nullptr)
        table.remarks.push_back(
            fmt::format("the backup GPT is damaged ({}), the primary is used: sgdisk -e mends it",
                        backup.damage));
    else if (backup.checksum != primary.checksum || backup.disk != primary.disk)
        table.remarks.emplace_back("the backup GPT says something else than the primary, which is "
                                   "used: sgdisk -e makes them the same");
    else if (primary.other_lba != sectors - 1)
        table.remarks.emplace_back("the backup GPT does not lie at the end of the image, which has "
                                   "grown: sgdisk -e moves it there");
}

} // namespace

GptResult read_gpt(const ReadAt& read, const GptSearch& search, Table& table) {
    const std::uint64_t sectors = search.image_size / search.sector_size;
    if (sectors < 3)
        return {};
    Copy copy = read_copy(read, search, 1);
    if (copy.damage == nullptr) {
        look_at_backup(read, search, copy, table);
    } else {
        const Copy primary = std::move(copy);
        // At the end of the image; of an image that has grown, where the primary or the protective
        // MBR says. What they say need not be believed: a backup proves itself by its checksums.
        std::vector<std::uint64_t> places{sectors - 1};
        if (primary.has_signature)
            places.push_back(primary.other_lba);
        if (search.protective_end)
            places.push_back(*search.protective_end / search.sector_size - 1);
        std::optional<Copy> backup;
        for (const std::uint64_t lba : places) {
            if (lba <= 1)
                continue;
            Copy candidate = read_copy(read, search, lba);
            const bool is_sound = candidate.damage == nullptr;
            if (!backup || (candidate.has_signature && !backup->has_signature) || is_sound)
                backup = std::move(candidate);
            if (is_sound)
                break;
        }
        if (!backup || backup->damage != nullptr)
            return {false, primary.has_signature || (backup && backup->has_signature),
                    fmt::format("primary: {}; backup: {}", primary.damage,
                                backup ? backup->damage : "there is none")};
        table.remarks.push_back(
            fmt::format("the primary GPT is damaged ({}), its backup is used: sgdisk -e mends it",
                        primary.damage));
        copy = std::move(*backup);
    }
    table.kind = TableKind::gpt;
    table.sector_size = search.sector_size;
    table.uuid = copy.disk;
    table.is_convincing = true;
    take_partitions(copy, search, table);
    return {true, true, {}};
}

} // namespace bootview::partition
