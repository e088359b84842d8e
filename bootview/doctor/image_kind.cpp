#include "bootview/doctor/image_kind.h"

#include "bootview/run_command.h"
#include "common/image_kind.h"
#include "fuse-fatimg/image/file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;
using std::string_view_literals::operator""sv;

// True: these bytes stand there.
bool has_bytes(const ReadAt& read, std::uint64_t offset, std::string_view wanted) {
    std::vector<char> bytes(wanted.size());
    return read(offset, std::as_writable_bytes(std::span{bytes})) &&
           std::string_view{bytes.data(), bytes.size()} == wanted;
}

// ECMA-119 §8.1: the first volume descriptor, in the 17th sector of 2048 bytes.
bool is_iso9660(const ReadAt& read) {
    return has_bytes(read, 0x8001, "CD001");
}

// A name beside `path`, with `suffix` for its own, that nothing has yet.
std::string unused_name(const std::string& path, const std::string& suffix) {
    std::error_code ignored;
    const fs::path beside = fs::path(path).parent_path();
    const fs::path short_name = beside / (fs::path(path).stem().string() + suffix);
    if (!fs::exists(short_name, ignored))
        return short_name.string();
    std::string name = path + suffix;
    for (int i = 2; fs::exists(name, ignored); ++i)
        name = fmt::format("{}.{}{}", path, i, suffix);
    return name;
}

bool is_linux(const view::Content& content) {
    constexpr std::array names{"ext2"sv, "ext3"sv, "ext4"sv, "btrfs"sv,
                               "xfs"sv,  "LUKS"sv, "LVM2"sv, "squashfs"sv};
    return std::find(names.begin(), names.end(), content.filesystem) != names.end();
}

// Why this partition is one of Windows; empty: it is not.
std::string windows_mark(const ReadAt& read, const view::Content& content) {
    constexpr std::string_view microsoft_reserved = "e3c9e316-0b5c-4db8-817d-f92df00215ae";
    if (content.filesystem == "ntfs")
        return "is NTFS";
    if (has_bytes(read, content.partition.range.offset + 3,
                  "-FVE-FS-")) // its boot sector's OEM name
        return "is encrypted by BitLocker";
    if (content.partition.type_guid == microsoft_reserved)
        return "is reserved by Microsoft";
    return {};
}

// Empty: it is no Windows disk. One with a Linux beside boots that.
std::string windows_disk(const ReadAt& read, const view::Contents& contents) {
    std::string found;
    for (const view::Content& content : contents.contents) {
        if (is_linux(content))
            return {};
        const std::string mark = windows_mark(read, content);
        if (!mark.empty() && found.empty())
            found = content.partition.number == 0
                        ? fmt::format("it {}", mark)
                        : fmt::format("partition {} {}", content.partition.number, mark);
    }
    return found;
}

// A kernel is called kernel8.img, too. What can't be told, as of a file that is just being copied,
// may be one.
bool may_be_disk_image(const std::string& path) {
    try {
        const image::File file(path);
        return file.size() == 0 ||
               kind_of_file("", file.size(), [&](std::uint64_t offset, std::span<char> bytes) {
                   return file.read(offset, std::as_writable_bytes(bytes));
               }) == FileKind::image;
    } catch (const std::exception&) {
        return true;
    }
}

// What kind of tree a file of this name shows it to be.
struct Sign {
    std::string_view name;
    std::string_view tree;
};
constexpr std::array signs{
    Sign{"config.txt", "a Raspberry Pi's boot partition"},
    Sign{"bootcode.bin", "a Raspberry Pi's boot partition"},
    Sign{"start4.elf", "a Raspberry Pi's boot partition"},
    Sign{"cmdline.txt", "a Raspberry Pi's boot partition"},
    Sign{"casper", "an installer's ISO"},
    Sign{"isolinux", "an installer's ISO"},
    Sign{".disk", "an installer's ISO"},
    Sign{"etc/os-release", "a root file system"},
    Sign{"sources/install.wim", "an installer of Windows"},
    Sign{"pxelinux.cfg", "a boot server"},
    Sign{"pxelinux.0", "a boot server"},
    Sign{"EFI", "a boot partition"},
    Sign{"vmlinuz", "a boot partition"},
};

} // namespace

bool check_image_kind(const std::string& path, const ReadAt& read, const view::Contents& contents,
                      Findings& findings) {
    if (is_iso9660(read)) {
        const std::string disk = shell_word(unused_name(path, ".img"));
        findings.fail("image-installer", path,
                      "is the ISO of an installer or a live system, for a CD or a USB stick: it is "
                      "no disk with an installed system, and takes no root from here; install from "
                      "it onto an image, and serve that",
                      fmt::format("truncate -s 16G {0} && qemu-system-x86_64 -m 2G -cdrom {1} "
                                  "-drive file={0},format=raw,if=virtio",
                                  disk, shell_word(path)));
        return true;
    }
    if (const std::string mark = windows_disk(read, contents); !mark.empty()) {
        findings.fail("image-windows", path,
                      fmt::format("is a disk of Windows ({}), which can't take its root from an "
                                  "NBD server; give the image of a Linux",
                                  mark),
                      fmt::format("fuse-fatimg --list {}", shell_word(path)));
        return true;
    }
    return false;
}

bool is_blank(const ReadAt& read, std::uint64_t size) {
    std::vector<std::byte> bytes(std::min<std::uint64_t>(size, 1 << 20));
    return read(0, bytes) &&
           std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::string convert_line(const std::string& path) {
    return fmt::format("qemu-img convert -O raw {} {}", shell_word(path),
                       shell_word(unused_name(path, ".img")));
}

bool check_unpacked(const std::string& directory, const std::map<std::string, std::string>& images,
                    Findings& findings) {
    std::error_code ignored;
    const auto* const sign = std::find_if(signs.begin(), signs.end(), [&](const Sign& candidate) {
        return fs::exists(fs::path(directory) / candidate.name, ignored);
    });
    if (sign == signs.end() || std::any_of(images.begin(), images.end(), [](const auto& image) {
            return may_be_disk_image(image.second);
        }))
        return false;
    findings.fail("images-unpacked", directory,
                  fmt::format("holds the files of {} ({}), and no disk image: NBD serves the image "
                              "that they are from, so give that; by TFTP alone the files can be "
                              "served as they are",
                              sign->tree, sign->name),
                  fmt::format("tftp-bridge --root {}", shell_word(directory)));
    return true;
}

} // namespace bootview::doctor
