#include "bootview/doctor/image.h"

#include "bootview/doctor/image_access.h"
#include "bootview/doctor/image_kind.h"
#include "bootview/doctor/machine.h"
#include "bootview/run_command.h"
#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/image/packed.h"

#include <sys/stat.h>

#include <chrono>
#include <exception>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

// The first command that a message names between back quotes.
std::string command_in(const std::string& text) {
    const auto begin = text.find('`');
    const auto end = text.find('`', begin + 1);
    return begin == std::string::npos || end == std::string::npos
               ? std::string{}
               : text.substr(begin + 1, end - begin - 1);
}

// What shows an image to this machine alone, and read-only, is not enough for clients.
std::string for_clients(std::string text) {
    constexpr std::string_view for_us = " -r -t -b 127.0.0.1 ";
    if (const auto at = text.find(for_us); at != std::string::npos)
        text.replace(at, for_us.size(), " -t ");
    return text;
}

// fsck.fat knows no offset, and not everybody has loop devices.
std::string fsck_line(const OpenImage& image) {
    const std::string name = shell_word(image.path);
    return fmt::format("t=$(mktemp) && dd if={0} of=$t bs=1M iflag=skip_bytes,count_bytes "
                       "skip={1} count={2} status=none && {{ fsck.vfat -a $t; dd if=$t of={0} "
                       "bs=1M oflag=seek_bytes seek={1} conv=notrunc,sparse status=none; rm $t; }}",
                       name, image.fat.offset, image.fat.length);
}

// Goes through all of the files, up to a number that no boot partition has.
class Walk {
public:
    explicit Walk(const BootVolume& volume) : volume_(volume) {}
    // Throws Damaged at the first that is.
    void check() { check(volume_.list("/"), 0); }
    std::size_t seen() const { return seen_; }

private:
    void check(const std::vector<fat::Entry>& entries, int depth) {
        constexpr int deepest = 16;
        constexpr std::size_t most = 20000;
        for (const fat::Entry& entry : entries) {
            if (++seen_ > most)
                return;
            if (!entry.is_directory())
                volume_.read(entry, 0);
            else if (depth < deepest)
                check(volume_.list(entry), depth + 1);
        }
    }

    const BootVolume& volume_;
    std::size_t seen_ = 0;
};

// What of a table is only half right.
void check_table(const std::string& path, const view::Contents& contents, Findings& findings) {
    for (const std::string& remark : contents.table.remarks) {
        if (remark.find("truncated") != std::string::npos)
            findings.fail(
                "image-truncated", path, remark,
                fmt::format("wget --continue --output-document={} URL", shell_word(path)));
        else
            findings.warn("partition-table-damaged", path, remark,
                          remark.find("sgdisk -e") != std::string::npos
                              ? fmt::format("sgdisk -e {}", shell_word(path))
                              : fmt::format("sfdisk --verify {}", shell_word(path)));
    }
}

void check_nothing_shown(const std::string& path, const ReadAt& read,
                         const view::Contents& contents, Findings& findings) {
    const std::string& why = contents.refusal;
    if (why.find("truncated") != std::string::npos) {
        findings.fail("image-truncated", path, why,
                      fmt::format("wget --continue --output-document={} URL", shell_word(path)));
        return;
    }
    if (is_blank(read, contents.size)) {
        findings.fail("image-without-partition-table", path,
                      "is blank: it begins with zeros, and no system was ever written to it",
                      fmt::format("dd if=/dev/sdX of={} bs=4M conv=notrunc,sparse # sdX: the card "
                                  "or disk that it is to be a copy of",
                                  shell_word(path)));
        return;
    }
    if (contents.table.kind == partition::TableKind::none) {
        findings.fail("image-without-partition-table", path, why,
                      fmt::format("file {}", shell_word(path)));
        return;
    }
    for (const view::Content& content : contents.contents) {
        if (!content.problem.empty() && content.filesystem == "FAT") {
            findings.fail("fat-damaged", path,
                          fmt::format("partition {} {}", content.partition.number, content.problem),
                          fsck_line({path, nullptr, {}, content.partition.range, nullptr}));
            return;
        }
        // One that is meant to hold a FAT, and was never given one.
        const auto type = content.partition.type;
        const bool is_meant = type == 0x0b || type == 0x0c || type == 0x0e || type == 0xef ||
                              content.partition.type_guid == "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
        if (is_meant && content.filesystem == "unknown") {
            findings.fail("image-without-fat", path,
                          fmt::format("partition {} is meant for a FAT, and holds none",
                                      content.partition.number),
                          fmt::format("mkfs.vfat --offset {} {} {}",
                                      content.partition.range.offset / 512, shell_word(path),
                                      content.partition.range.length / 1024));
            return;
        }
    }
    findings.fail("image-without-fat", path, why,
                  fmt::format("fuse-fatimg --list {}", shell_word(path)));
}

// The line that makes the partition as long as its FAT, if there is room for it behind.
std::string lengthen_line(const std::string& path, const view::Contents& contents,
                          const view::Content& content, std::uint64_t missing) {
    const std::uint64_t end = content.partition.range.end() + missing;
    bool has_room = contents.table.sector_size == 512 && end <= contents.size;
    for (const view::Content& other : contents.contents)
        if (const auto start = other.partition.range.offset;
            start >= content.partition.range.end() && start < end)
            has_room = false;
    // Not by sfdisk -N, which does not lengthen a partition up to the next one.
    return has_room ? fmt::format("sfdisk -d {0} | sed '/start= *{1},/s/size= *[0-9]*/size={2}/' | "
                                  "sfdisk -q {0}",
                                  shell_word(path), content.partition.range.offset / 512,
                                  (end - content.partition.range.offset) / 512)
                    : fmt::format("fuse-fatimg --list {}", shell_word(path));
}

// Is all of a FAT there? False: files are not, and nothing more can be said of it.
bool check_length(const std::string& path, const view::Contents& contents,
                  const view::Content& content, Findings& findings) {
    if (!content.shortfall)
        return true;
    const view::Shortfall& shortfall = *content.shortfall;
    const std::string what = shortfall.describe(content.partition.number);
    const auto end = content.partition.range.end() + shortfall.bytes;
    if (!shortfall.of_image)
        (shortfall.holds_files
             ? findings.fail("fat-longer-than-partition", path, what,
                             lengthen_line(path, contents, content, shortfall.bytes))
             : findings.warn("fat-longer-than-partition", path, what,
                             lengthen_line(path, contents, content, shortfall.bytes)));
    else if (shortfall.holds_files)
        findings.fail("image-truncated", path, what,
                      fmt::format("wget --continue --output-document={} URL", shell_word(path)));
    else
        findings.warn("fat-longer-than-image", path, what,
                      fmt::format("truncate -s {} {}", end, shell_word(path)));
    return !shortfall.holds_files;
}

void check_fat(const OpenImage& image, const fat::VolumeMarks& marks, Findings& findings) {
    const bool is_served = findings.find("image-served") != nullptr;
    if (marks.io_error)
        findings.warn(
            "fat-io-error", image.path,
            "its boot partition is marked: a disk failed while it was written, so files on "
            "it may be damaged; copy them anew, and have it checked",
            fsck_line(image));
    if (marks.in_use && !is_served)
        findings.warn("fat-dirty", image.path,
                      "its boot partition was not unmounted when it was last written",
                      fsck_line(image));
    try {
        Walk walk{*image.volume};
        walk.check();
        if (walk.seen() == 0)
            findings.warn("fat-empty", image.path, "its boot partition holds no files",
                          fmt::format("mcopy {} -s BOOT-FILES/* ::", image.for_mtools()));
    } catch (const Damaged& damaged) {
        findings.fail("fat-damaged", image.path, damaged.what(), fsck_line(image));
    }
}

} // namespace

ReadAt OpenImage::reader() const {
    return [file = file](std::uint64_t offset, std::span<std::byte> data) {
        return file->read(offset, data);
    };
}

std::string OpenImage::for_mtools() const {
    return fmt::format("-i {}@@{}", shell_word(path), fat.offset);
}

std::string OpenImage::edit_line(const std::string& name, const std::string& sed_script) const {
    const std::string inside = shell_word("::" + name);
    // mtools keeps an image locked while it writes, so no pipe can do it.
    return fmt::format("t=$(mktemp) && export MTOOLS_SKIP_CHECK=1 && mtype {0} {1} | sed {2} >$t "
                       "&& mcopy -o {0} $t {1}; rm $t",
                       for_mtools(), inside, shell_word(sed_script));
}

std::optional<OpenImage> check_image(const std::string& path, const view::PartitionChoice& choice,
                                     Findings& findings) {
    if (!check_access(path, findings))
        return std::nullopt;
    OpenImage image;
    image.path = path;
    try {
        image.file = std::make_shared<const image::File>(path);
        const std::uint64_t size = image.file->size();
        if (size == 0) {
            findings.fail("image-empty", path, "is empty (0 bytes)",
                          fmt::format("wget --output-document={} URL", shell_word(path)));
            return std::nullopt;
        }
        if (const std::string packed = image::packed(*image.file); !packed.empty()) {
            if (packed.starts_with("is packed"))
                findings.fail("image-packed", path, packed, command_in(packed));
            else
                findings.fail("image-format", path, for_clients(packed), convert_line(path));
            return std::nullopt;
        }
        check_writers(path, findings);
        check_room(path, findings);
        if (size % 512 != 0)
            findings.warn("image-size-odd", path,
                          fmt::format("is {} bytes, no whole number of sectors; clients don't see "
                                      "the last of them",
                                      size),
                          fmt::format("truncate -s %512 {}", shell_word(path)));
        check_clock(std::chrono::system_clock::now(),
                    std::chrono::system_clock::from_time_t(image.file->stamp().modified.tv_sec),
                    path, findings);
        image.contents = view::read_contents(image.reader(), size, choice);
        if (check_image_kind(path, image.reader(), image.contents, findings))
            return std::nullopt;
        check_table(path, image.contents, findings);
        if (!image.contents.refusal.empty()) {
            check_nothing_shown(path, image.reader(), image.contents, findings);
            return std::nullopt;
        }
        if (const auto& better = image.contents.better)
            findings.warn(
                "boot-partition-other", path, better->describe(),
                fmt::format("bootview serve -o {} {}", better->mount_option(), shell_word(path)));
        for (const view::Content& content : image.contents.contents) {
            if (!content.is_shown)
                continue;
            if (!check_length(path, image.contents, content, findings))
                return std::nullopt;
            image.fat = content.partition.range;
            image.volume = std::make_shared<const BootVolume>(image.reader(), image.fat);
            check_fat(image, content.marks, findings);
            break; // with partition=all, the first
        }
    } catch (const std::exception& error) {
        findings.fail("image-broken", path, error.what(), "dmesg | tail");
        return std::nullopt;
    }
    return image.volume ? std::optional(std::move(image)) : std::nullopt;
}

} // namespace bootview::doctor
