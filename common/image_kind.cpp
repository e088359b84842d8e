#include "common/image_kind.h"

#include "common/lower_case.h"

#include <algorithm>
#include <array>
#include <string>

namespace bootview {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::array formats{
    ContainerFormat{"xz",
                    "\xfd"
                    "7zXZ\0"sv,
                    0, true},
    ContainerFormat{"zstd", "\x28\xb5\x2f\xfd"sv, 0, true},
    ContainerFormat{"gzip", "\x1f\x8b\x08"sv, 0, true},
    ContainerFormat{"bzip2", "1AY&SY"sv, 4, true},
    ContainerFormat{"zip", "PK\x03\x04"sv, 0, true},
    ContainerFormat{"7-Zip", "7z\xbc\xaf\x27\x1c"sv, 0, true},
    ContainerFormat{"QCOW2", "QFI\xfb"sv, 0, false},
    ContainerFormat{"VMDK", "KDMV"sv, 0, false},
    ContainerFormat{"VMDK", "# Disk DescriptorFile"sv, 0, false},
    ContainerFormat{"VDI", "\x7f\x10\xda\xbe"sv, 64, false},
    ContainerFormat{"VHDX", "vhdxfile"sv, 0, false},
    ContainerFormat{"VHD", "conectix"sv, 0, false},
};

struct Ending {
    std::string_view text; // lower case
    FileKind kind;
};

constexpr std::array endings{
    Ending{".img", FileKind::image},
    Ending{".raw", FileKind::image},
    // Packed, or a virtual machine's format.
    Ending{".xz", FileKind::packed},
    Ending{".gz", FileKind::packed},
    Ending{".zst", FileKind::packed},
    Ending{".zstd", FileKind::packed},
    Ending{".bz2", FileKind::packed},
    Ending{".zip", FileKind::packed},
    Ending{".7z", FileKind::packed},
    Ending{".lz4", FileKind::packed},
    Ending{".lzma", FileKind::packed},
    Ending{".qcow", FileKind::packed},
    Ending{".qcow2", FileKind::packed},
    Ending{".vdi", FileKind::packed},
    Ending{".vmdk", FileKind::packed},
    Ending{".vhd", FileKind::packed},
    Ending{".vhdx", FileKind::packed},
    Ending{".ova", FileKind::packed},
    Ending{".tar", FileKind::other},
    Ending{".tgz", FileKind::other},
    // Backups, and what editors leave. "~" also ends what cp --backup=numbered makes.
    Ending{"~", FileKind::other},
    Ending{".bak", FileKind::other},
    Ending{".backup", FileKind::other},
    Ending{".old", FileKind::other},
    Ending{".orig", FileKind::other},
    Ending{".save", FileKind::other},
    Ending{".rej", FileKind::other},
    Ending{".swp", FileKind::other},
    Ending{".swo", FileKind::other},
    Ending{"#", FileKind::other},
    // On its way, and not there yet.
    Ending{".part", FileKind::other},
    Ending{".partial", FileKind::other},
    Ending{".filepart", FileKind::other},
    Ending{".crdownload", FileKind::other},
    Ending{".download", FileKind::other},
    Ending{".aria2", FileKind::other},
    Ending{".tmp", FileKind::other},
    Ending{".temp", FileKind::other},
    Ending{".torrent", FileKind::other},
    Ending{".zsync", FileKind::other},
    // What is published beside an image, and what people note down.
    Ending{".sha1", FileKind::other},
    Ending{".sha256", FileKind::other},
    Ending{".sha256sum", FileKind::other},
    Ending{".sha512", FileKind::other},
    Ending{".sha512sum", FileKind::other},
    Ending{".md5", FileKind::other},
    Ending{".md5sum", FileKind::other},
    Ending{".sig", FileKind::other},
    Ending{".asc", FileKind::other},
    Ending{".gpg", FileKind::other},
    Ending{".sums", FileKind::other},
    Ending{".bmap", FileKind::other},
    Ending{".info", FileKind::other},
    Ending{".manifest", FileKind::other},
    Ending{".packages", FileKind::other},
    Ending{".txt", FileKind::other},
    Ending{".md", FileKind::other},
    Ending{".rst", FileKind::other},
    Ending{".html", FileKind::other},
    Ending{".pdf", FileKind::other},
    Ending{".csv", FileKind::other},
    Ending{".json", FileKind::other},
    Ending{".xml", FileKind::other},
    Ending{".yaml", FileKind::other},
    Ending{".yml", FileKind::other},
    Ending{".toml", FileKind::other},
    Ending{".conf", FileKind::other},
    Ending{".cfg", FileKind::other},
    Ending{".ini", FileKind::other},
    Ending{".log", FileKind::other},
    Ending{".sh", FileKind::other},
    Ending{".py", FileKind::other},
    Ending{".service", FileKind::other},
    Ending{".lock", FileKind::other},
    Ending{".pid", FileKind::other},
};

struct Signature {
    std::size_t at;
    std::string_view magic;
};

// Of partition tables and file systems. The boot sectors of MBR and FAT have more than a signature:
// see is_boot_sector().
constexpr std::array signatures{
    Signature{512, "EFI PART"sv},          // GPT, sectors of 512 bytes
    Signature{0, "XFSB"sv},                // XFS
    Signature{0, "hsqs"sv},                // squashfs
    Signature{0, "LUKS\xba\xbe"sv},        // LUKS
    Signature{3, "EXFAT   "sv},            // exFAT
    Signature{3, "NTFS    "sv},            // NTFS
    Signature{512, "LABELONE"sv},          // LVM2
    Signature{1024, "\x10\x20\xf5\xf2"sv}, // F2FS
    Signature{4096, "EFI PART"sv},         // GPT, sectors of 4096 bytes
    Signature{32769, "CD001"sv},           // ISO 9660
    Signature{65600, "_BHRfS_M"sv},        // btrfs
};

constexpr std::size_t beginning_size = 4096;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint8_t>(bytes[at]);
}

// The signature of a boot sector, and either a table of partitions whose status bytes make sense
// and that has an entry, or the geometry of a FAT.
bool is_boot_sector(std::string_view bytes) {
    if (bytes.size() < 512 || !bytes.substr(510).starts_with("\x55\xaa"sv))
        return false;
    const auto sectors_per_cluster = byte_at(bytes, 13);
    const bool is_fat = (byte_at(bytes, 0) == 0xeb || byte_at(bytes, 0) == 0xe9) &&
                        byte_at(bytes, 11) == 0 && sectors_per_cluster != 0 &&
                        (sectors_per_cluster & (sectors_per_cluster - 1)) == 0 &&
                        (byte_at(bytes, 16) == 1 || byte_at(bytes, 16) == 2);
    bool has_entry = false;
    for (std::size_t at = 446; at < 510; at += 16) {
        if ((byte_at(bytes, at) & 0x7f) != 0)
            return is_fat;
        has_entry = has_entry || bytes.substr(at + 12, 4) != "\0\0\0\0"sv; // its length
    }
    return has_entry || is_fat;
}

// Superblock at 1024: two bytes of magic are few, so its revision and block size have to fit, too.
bool is_ext(std::string_view bytes) {
    return bytes.size() >= 2048 && bytes.substr(1024 + 56).starts_with("\x53\xef"sv) &&
           byte_at(bytes, 1024 + 24) <= 6 && byte_at(bytes, 1024 + 76) <= 1;
}

bool has_signature(std::string_view beginning, std::uint64_t size, const ReadBytes& read) {
    return std::any_of(signatures.begin(), signatures.end(), [&](const Signature& signature) {
        if (signature.at + signature.magic.size() <= beginning.size())
            return beginning.substr(signature.at).starts_with(signature.magic);
        std::array<char, 8> there{};
        const auto wanted = std::span{there}.first(signature.magic.size());
        return signature.at + wanted.size() <= size && read(signature.at, wanted) &&
               std::string_view{wanted.data(), wanted.size()} == signature.magic;
    });
}

bool is_text(std::string_view bytes) {
    return !bytes.empty() && std::none_of(bytes.begin(), bytes.end(), [](char c) {
        const auto byte = static_cast<std::uint8_t>(c);
        return byte == 0x7f || (byte < 0x20 && "\t\n\f\r\x1b"sv.find(c) == std::string_view::npos);
    });
}

} // namespace

const ContainerFormat* container_format(std::string_view beginning) {
    const auto* const found =
        std::find_if(formats.begin(), formats.end(), [&](const ContainerFormat& format) {
            return beginning.size() >= format.at &&
                   beginning.substr(format.at).starts_with(format.magic);
        });
    return found == formats.end() ? nullptr : found;
}

FileKind kind_by_name(std::string_view file_name) {
    const std::string name = lower_case(std::string{file_name});
    const auto* const found = std::find_if(endings.begin(), endings.end(), [&](const Ending& e) {
        return name.size() > e.text.size() && name.ends_with(e.text);
    });
    return found == endings.end() ? FileKind::unknown : found->kind;
}

FileKind kind_of_file(std::string_view file_name, std::uint64_t size, const ReadBytes& read) {
    const FileKind by_name = kind_by_name(file_name);
    if (by_name == FileKind::packed || by_name == FileKind::other)
        return by_name;
    if (size == 0) // nothing that a client could boot from, or that could tell
        return FileKind::unknown;
    std::array<char, beginning_size> buffer{};
    const auto there = std::span{buffer}.first(std::min<std::uint64_t>(size, buffer.size()));
    if (!read(0, there))
        return by_name;
    const std::string_view beginning{there.data(), there.size()};
    if (container_format(beginning) != nullptr)
        return FileKind::packed;
    if (by_name == FileKind::image || is_boot_sector(beginning) || is_ext(beginning) ||
        has_signature(beginning, size, read))
        return FileKind::image;
    return is_text(beginning.substr(0, 512)) ? FileKind::other : FileKind::unknown;
}

} // namespace bootview
