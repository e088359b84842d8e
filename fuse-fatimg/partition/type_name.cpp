#include "fuse-fatimg/partition/type_name.h"

#include <algorithm>
#include <array>

namespace bootview::partition {

namespace {

struct MbrType {
    std::uint8_t type;
    std::string_view name;
};

constexpr std::array mbr_types{
    MbrType{0x00, "Empty"},
    MbrType{0x01, "FAT12"},
    MbrType{0x04, "FAT16 <32M"},
    MbrType{0x05, "Extended"},
    MbrType{0x06, "FAT16"},
    MbrType{0x07, "HPFS/NTFS/exFAT"},
    MbrType{0x0b, "W95 FAT32"},
    MbrType{0x0c, "W95 FAT32 (LBA)"},
    MbrType{0x0e, "W95 FAT16 (LBA)"},
    MbrType{0x0f, "W95 Ext'd (LBA)"},
    MbrType{0x11, "Hidden FAT12"},
    MbrType{0x14, "Hidden FAT16 <32M"},
    MbrType{0x16, "Hidden FAT16"},
    MbrType{0x17, "Hidden HPFS/NTFS"},
    MbrType{0x1b, "Hidden W95 FAT32"},
    MbrType{0x1c, "Hidden W95 FAT32 (LBA)"},
    MbrType{0x1e, "Hidden W95 FAT16 (LBA)"},
    MbrType{0x27, "Hidden NTFS WinRE"},
    MbrType{0x82, "Linux swap / Solaris"},
    MbrType{0x83, "Linux"},
    MbrType{0x85, "Linux extended"},
    MbrType{0x8e, "Linux LVM"},
    MbrType{0xa5, "FreeBSD"},
    MbrType{0xa6, "OpenBSD"},
    MbrType{0xa8, "Darwin UFS"},
    MbrType{0xa9, "NetBSD"},
    MbrType{0xaf, "HFS / HFS+"},
    MbrType{0xda, "Non-FS data"},
    MbrType{0xea, "Linux extended boot"},
    MbrType{0xee, "GPT"},
    MbrType{0xef, "EFI (FAT-12/16/32)"},
    MbrType{0xfd, "Linux raid autodetect"},
};

struct GptType {
    std::string_view guid;
    std::string_view name;
};

constexpr std::array gpt_types{
    GptType{"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI System"},
    GptType{"21686148-6449-6e6f-744e-656564454649", "BIOS boot"},
    GptType{"9e1a2d38-c612-4316-aa26-8b49521e5a8b", "PowerPC PReP boot"},
    GptType{"e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"},
    GptType{"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft basic data"},
    GptType{"de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery environment"},
    GptType{"0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux filesystem"},
    GptType{"0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"},
    GptType{"e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"},
    GptType{"a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID"},
    GptType{"933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home"},
    GptType{"3b8f8425-20e0-4f3b-907f-1a25a76f98e8", "Linux server data"},
    GptType{"44479540-f297-41b2-9af7-d131d5f0458a", "Linux root (x86)"},
    GptType{"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"},
    GptType{"69dad710-2ce4-4e3c-b16c-21a1d49abed3", "Linux root (ARM)"},
    GptType{"b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM-64)"},
    GptType{"72ec70a6-cf74-40e6-bd49-4bda08e8f224", "Linux root (RISC-V-64)"},
    GptType{"bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux extended boot"},
    GptType{"fe3a2a5d-4f32-41a7-b725-accc3285a309", "ChromeOS kernel"},
    GptType{"3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec", "ChromeOS root fs"},
    GptType{"48465300-0000-11aa-aa11-00306543ecac", "Apple HFS/HFS+"},
    GptType{"7c3457ef-0000-11aa-aa11-00306543ecac", "Apple APFS"},
};

} // namespace

std::string_view type_name(std::uint8_t mbr_type) {
    const auto found = std::find_if(mbr_types.begin(), mbr_types.end(),
                                    [&](const MbrType& t) { return t.type == mbr_type; });
    return found == mbr_types.end() ? std::string_view{} : found->name;
}

std::string_view type_name(std::string_view guid) {
    const auto found = std::find_if(gpt_types.begin(), gpt_types.end(),
                                    [&](const GptType& t) { return t.guid == guid; });
    return found == gpt_types.end() ? std::string_view{} : found->name;
}

} // namespace bootview::partition
