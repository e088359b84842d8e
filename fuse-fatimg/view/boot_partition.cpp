#include "fuse-fatimg/view/boot_partition.h"

#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/directory.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace bootview::view {

namespace {

// Upper case, as 8.3 names are.
struct Name {
    std::string text;
    bool is_directory = false;
    fat::Cluster first_cluster = 0;

    bool is(std::string_view other) const { return text == other; }
    bool has(std::string_view beginning, std::string_view end = {}) const {
        return text.starts_with(beginning) && text.ends_with(end) && !is_directory;
    }
};

std::string upper_case(std::string text) {
    for (char& c : text)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

class Files {
public:
    Files(const ReadAt& read, const Volume& volume)
        : read_([&read, range = volume.range](std::uint64_t offset, std::span<std::byte> data) {
              return offset <= range.length && data.size() <= range.length - offset &&
                     read(range.offset + offset, data);
          }),
          geometry_(volume.geometry) {}

    std::vector<Name> root() const {
        if (geometry_.type == fat::Type::fat32)
            return in(geometry_.root_cluster);
        return in(fat::Extents::of(
            {geometry_.root_offset, std::uint64_t{geometry_.root_entries} * fat::slot_size}));
    }
    std::vector<Name> in(const Name& directory) const {
        return directory.is_directory ? in(directory.first_cluster) : std::vector<Name>{};
    }

private:
    std::vector<Name> in(fat::Cluster first) const {
        return in(fat::read_directory_chain(read_, geometry_, first).extents);
    }
    std::vector<Name> in(const fat::Extents& extents) const {
        std::vector<std::byte> data;
        extents.for_each(0, extents.size(), [&](const Range& piece) {
            const std::size_t have = data.size();
            data.resize(have + piece.length);
            if (read_(piece.offset, std::span{data}.subspan(have)))
                return true;
            data.resize(have);
            return false;
        });
        std::vector<Name> names;
        for (const fat::Entry& entry : fat::parse_directory(data, geometry_.type).entries)
            names.push_back({upper_case(entry.name), entry.is_directory(), entry.first_cluster});
        return names;
    }

    ReadAt read_;
    const fat::Geometry& geometry_;
};

bool any(const std::vector<Name>& names, const std::function<bool(const Name&)>& fits) {
    return std::any_of(names.begin(), names.end(), fits);
}

// What an image that was made to keep us busy may cost.
constexpr std::size_t maximum_volumes = 16;
constexpr std::size_t maximum_vendors = 16;

// EFI/BOOT/BOOTX64.EFI, EFI/debian/grubx64.efi …
bool has_efi_program(const Files& files, const Name& efi) {
    auto vendors = files.in(efi);
    vendors.resize(std::min(vendors.size(), maximum_vendors));
    return any(vendors, [&](const Name& vendor) {
        return any(files.in(vendor), [](const Name& name) { return name.has("", ".EFI"); });
    });
}

} // namespace

Bootable bootable_from(const ReadAt& read, const Volume& volume) {
    const Files files{read, volume};
    const auto root = files.root();
    Bootable found;
    // A directory may hold the name any number of times; one look is enough.
    const auto efi =
        std::find_if(root.begin(), root.end(), [](const Name& name) { return name.is("EFI"); });
    found.pc = efi != root.end() && has_efi_program(files, *efi);
    // PINN and NOOBS: the firmware of the card's recovery system looks like any other's, but a
    // board that fetches it by TFTP gets no further.
    const bool is_recovery = any(root, [](const Name& name) {
        return name.is("RECOVERY.ELF") || name.is("RECOVERY.RFS") ||
               name.is("RECOVERY_FILES_DO_NOT_EDIT");
    });
    for (const Name& name : root) {
        found.pi =
            found.pi || (!is_recovery && (name.has("KERNEL", ".IMG") || name.has("START", ".ELF")));
        found.pc = found.pc || name.is("PXELINUX.0") || name.is("PXELINUX.CFG") ||
                   name.has("", ".EFI") || name.has("", ".KPXE") || name.has("LDLINUX.C32") ||
                   ((name.is("GRUB") || name.is("GRUB2")) && name.is_directory);
        found.other = found.other || name.has("VMLINUZ") || name.has("VMLINUX") ||
                      name.has("BZIMAGE") || name.is("IMAGE") || name.is("IMAGE.GZ") ||
                      name.is("ZIMAGE") || name.is("UIMAGE") || name.has("", ".IPXE") ||
                      name.is("BOOT.SCR") || name.has("U-BOOT") || name.is("EXTLINUX") ||
                      (name.is("LOADER") && name.is_directory);
    }
    return found;
}

std::string BetterPartition::describe() const {
    const char* const what =
        from_shown.any() ? "has nothing for a Raspberry Pi" : "has nothing to boot from";
    return fmt::format("partition {}, which is shown, {}, and partition {} has: -o {} shows that, "
                       "view-options = [\"{}\"] in bootview.toml",
                       shown, what, better, mount_option(), mount_option());
}

std::string BetterPartition::mount_option() const {
    return fmt::format("partition={}", better);
}

std::optional<BetterPartition> better_partition(const ReadAt& read, std::uint64_t image_size,
                                                const PartitionChoice& choice) {
    if (choice.all || choice.number)
        return std::nullopt;
    const Layout all = read_layout(read, image_size, {true, {}});
    if (all.volumes.size() < 2)
        return std::nullopt;
    BetterPartition found;
    found.shown = all.volumes.front()->partition;
    found.from_shown = bootable_from(read, *all.volumes.front());
    // What boots PCs may be all that somebody wants, unless there is a Raspberry Pi's as well.
    const bool is_only_efi = found.from_shown.pc && !found.from_shown.pi && !found.from_shown.other;
    if (found.from_shown.any() && !is_only_efi)
        return std::nullopt;
    for (std::size_t i = 1; i < std::min(all.volumes.size(), maximum_volumes); ++i) {
        const Bootable other = bootable_from(read, *all.volumes[i]);
        if (is_only_efi ? !other.pi : !other.any())
            continue;
        found.better = all.volumes[i]->partition;
        found.from_better = other;
        return found;
    }
    return std::nullopt;
}

} // namespace bootview::view
