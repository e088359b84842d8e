#include "bootview/doctor/boot_volume.h"

#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/free_space.h"
#include "fuse-fatimg/fat/name.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

std::vector<std::byte> read_extents(const ReadAt& read, const fat::Extents& extents,
                                    std::uint64_t length) {
    std::vector<std::byte> data;
    extents.for_each(0, length, [&](const Range& piece) {
        const std::size_t have = data.size();
        data.resize(have + piece.length);
        if (!read(piece.offset, std::span{data}.subspan(have)))
            throw Damaged("lies past the end of the partition or the image");
        return true;
    });
    return data;
}

} // namespace

BootVolume::BootVolume(ReadAt image, const Range& range)
    : read_([image = std::move(image), range](std::uint64_t offset, std::span<std::byte> data) {
          return offset <= range.length && data.size() <= range.length - offset &&
                 image(range.offset + offset, data);
      }) {
    std::array<std::byte, fat::boot_sector_size> sector{};
    if (!read_(0, sector))
        throw fat::Refused("is too small for a FAT file system");
    geometry_ = fat::parse_boot_sector(sector);
}

std::vector<fat::Entry> BootVolume::entries_at(fat::Cluster first) const {
    fat::Extents extents;
    if (first == 0 && geometry_.type != fat::Type::fat32) {
        extents = fat::Extents::of(
            {geometry_.root_offset, std::uint64_t{geometry_.root_entries} * fat::slot_size});
    } else {
        fat::Chain chain = fat::read_directory_chain(read_, geometry_,
                                                     first == 0 ? geometry_.root_cluster : first);
        if (chain.state != fat::ChainState::complete)
            throw Damaged(fmt::format("has a directory whose clusters are damaged: {}",
                                      fat::describe(chain.state)));
        extents = std::move(chain.extents);
    }
    return fat::parse_directory(read_extents(read_, extents, extents.size()), geometry_.type)
        .entries;
}

std::optional<fat::Entry> BootVolume::find(std::string_view path) const {
    fat::Cluster directory = 0;
    std::optional<fat::Entry> found;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (name.empty() || name == ".")
            continue;
        if (found && !found->is_directory())
            return std::nullopt;
        const auto entries = entries_at(directory);
        const auto entry =
            std::find_if(entries.begin(), entries.end(), [&](const fat::Entry& candidate) {
                return fat::fold(candidate.name) == fat::fold(name) ||
                       fat::fold(candidate.short_name) == fat::fold(name);
            });
        if (entry == entries.end())
            return std::nullopt;
        found = *entry;
        directory = entry->first_cluster;
    }
    return found;
}

bool BootVolume::has_file(std::string_view path) const {
    const auto entry = find(path);
    return entry && !entry->is_directory();
}

std::vector<fat::Entry> BootVolume::list(std::string_view path) const {
    if (path.find_first_not_of('/') == std::string_view::npos)
        return entries_at(0);
    const auto entry = find(path);
    return entry && entry->is_directory() ? entries_at(entry->first_cluster)
                                          : std::vector<fat::Entry>{};
}

std::optional<std::vector<std::byte>> BootVolume::read(std::string_view path,
                                                       std::uint64_t most) const {
    const auto entry = find(path);
    if (!entry || entry->is_directory())
        return std::nullopt;
    return read(*entry, most);
}

std::vector<std::byte> BootVolume::read(const fat::Entry& file, std::uint64_t most) const {
    if (file.size == 0)
        return {};
    const fat::Chain chain = fat::read_file_chain(read_, geometry_, file.first_cluster, file.size);
    if (chain.state != fat::ChainState::complete && chain.state != fat::ChainState::last_is_free)
        throw Damaged(
            fmt::format("{}: its clusters are damaged: {}", file.name, fat::describe(chain.state)));
    return read_extents(read_, chain.extents, std::min<std::uint64_t>(most, file.size));
}

std::vector<fat::Entry> BootVolume::list(const fat::Entry& directory) const {
    return entries_at(directory.first_cluster);
}

std::optional<std::string> BootVolume::read_text(std::string_view path) const {
    constexpr std::uint64_t longest = 1 << 20;
    const auto bytes = read(path, longest);
    if (!bytes)
        return std::nullopt;
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

std::optional<std::uint64_t> BootVolume::free_bytes() const {
    const auto clusters = fat::count_free(read_, geometry_);
    if (!clusters)
        return std::nullopt;
    return std::uint64_t{*clusters} * geometry_.cluster_size;
}

} // namespace bootview::doctor
