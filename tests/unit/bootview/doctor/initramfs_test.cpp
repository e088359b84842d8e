// If these fail, the doctor finds fault with an initramfs that boots, or none with one that does
// not.
#include "bootview/doctor/initramfs.h"
#include "bootview/doctor/kernel.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {
namespace {

using std::string_literals::operator""s;

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

std::string padded(std::string text) {
    text.resize((text.size() + 3) / 4 * 4);
    return text;
}

std::string member(const std::string& name, const std::string& content = "x") {
    std::string header = "070701";
    for (int i = 0; i < 13; ++i)
        header += fmt::format("{:08x}", i == 6 ? content.size() : i == 11 ? name.size() + 1 : 0);
    return padded(header + name + '\0') + padded(content);
}
const std::string trailer = member("TRAILER!!!", "");
const std::string nbd_module = member("usr/lib/modules/6.1.0-18/kernel/drivers/block/nbd.ko.xz");

// A "packing" that leaves the bytes as they are, behind gzip's magic; in pieces, as a pipe gives
// them.
UnpackResult unpack_none(Packing packing, std::span<const std::byte> packed, const Sink& sink) {
    if (packing != Packing::gzip)
        return UnpackResult::no_such_program;
    packed = packed.subspan(3);
    for (std::size_t at = 0; at < packed.size(); at += 7)
        sink(packed.subspan(at, std::min<std::size_t>(7, packed.size() - at)));
    return UnpackResult::complete;
}
Initramfs read(const std::string& text) {
    return read_initramfs(bytes(text), unpack_none);
}
const std::string gzip_magic = "\x1f\x8b\x08";

TEST(Initramfs, IsFoundInEveryArchiveOfIt) {
    const std::string early = member("kernel/x86/microcode/GenuineIntel.bin", "code") + trailer;
    const std::string main = nbd_module + member("usr/sbin/nbd-client") +
                             member("scripts/local-top/nbd") +
                             member("scripts/bootview/connect.sh") + trailer;
    for (const std::string& whole :
         {main, early + std::string(512, '\0') + main,
          early + std::string(508, '\0') + gzip_magic + main + std::string(100, '\0'),
          std::string("\x27\x05\x19\x56") + std::string(60, 'h') + main}) {
        const Initramfs found = read(whole);
        EXPECT_EQ(found.state, InitramfsState::complete);
        EXPECT_EQ(found.kernels, std::set<std::string>{"6.1.0-18"});
        EXPECT_EQ(found.nbd_kernels, std::set<std::string>{"6.1.0-18"});
        EXPECT_TRUE(found.has_nbd_client);
        EXPECT_TRUE(found.has_nbd_script);
        EXPECT_TRUE(found.has_bootview);
    }
}

TEST(Initramfs, MayHaveTheDriverBuiltIn) {
    EXPECT_EQ(
        read(member("lib/modules/6.1/modules.builtin", "kernel/drivers/block/nbd.ko\n") + trailer)
            .nbd_kernels,
        std::set<std::string>{"6.1"});
    EXPECT_TRUE(read(member("lib/modules/6.1/modules.builtin", "kernel/x.ko\n") + trailer)
                    .nbd_kernels.empty());
}

TEST(Initramfs, ThatIsCutOffIsDamaged) {
    const std::string whole = nbd_module + trailer;
    for (std::size_t length = 0; length < whole.size() - 4; ++length) {
        EXPECT_EQ(read(whole.substr(0, length)).state, InitramfsState::damaged) << length;
        EXPECT_EQ(read(gzip_magic + whole.substr(0, length)).state, InitramfsState::damaged)
            << length;
    }
    EXPECT_EQ(read("noise that is none of it").state, InitramfsState::damaged);
    EXPECT_EQ(read("\xfd"
                   "7zXZ\0 and more"s)
                  .state,
              InitramfsState::not_unpackable);
}

TEST(Kernel, SaysItsVersion) {
    std::string x86(8192, '\0');
    x86.replace(0x202, 6, "HdrS\x0f\x02");
    x86[0x20e] = '\0';
    x86[0x20f] = '\x04';
    x86.replace(0x600, 30, "6.1.0-18-amd64 (debian@x) #1 S");
    EXPECT_EQ(kernel_version(bytes(x86), unpack_none), "6.1.0-18-amd64");
    x86[0x20f] = '\xff'; // behind its end
    EXPECT_EQ(kernel_version(bytes(x86), unpack_none), "");

    const std::string arm64 = "MZ..Linux version %s\0...Linux version 6.6.31-v8 (serge@x) "s;
    EXPECT_EQ(kernel_version(bytes(arm64), unpack_none), "6.6.31-v8");
    EXPECT_EQ(kernel_version(bytes(gzip_magic + arm64), unpack_none), "6.6.31-v8");
    std::string zboot = "MZ\0\0zimg"s + "\x40\0\0\0"s + "\x40\0\0\0"s;
    zboot.resize(0x40);
    zboot += gzip_magic + arm64;
    zboot[12] = static_cast<char>(zboot.size() - 0x40);
    EXPECT_EQ(kernel_version(bytes(zboot), unpack_none), "6.6.31-v8");
    zboot[12] = '\x7f'; // longer than it is
    EXPECT_EQ(kernel_version(bytes(zboot), unpack_none), "");
    EXPECT_EQ(kernel_version(bytes("nothing"), unpack_none), "");
}

TEST(Unpack, TakesEachPackingByTheSystemsPrograms) {
    std::string packed;
    const auto into = [](std::string& text) {
        return [&text](std::span<const std::byte> piece) {
            text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        };
    };
    ASSERT_EQ(run_filter({"gzip", "-c"}, bytes("content"), into(packed)), 0);
    ASSERT_EQ(packing_of(bytes(packed)), Packing::gzip);
    std::string plain;
    EXPECT_EQ(unpack(Packing::gzip, bytes(packed + std::string(16, '\0')), into(plain)),
              UnpackResult::complete);
    EXPECT_EQ(plain, "content");
    EXPECT_EQ(unpack(Packing::gzip, bytes(packed.substr(0, packed.size() - 9)), into(plain)),
              UnpackResult::damaged);
    EXPECT_EQ(packing_of(bytes("plain")), std::nullopt);
}

} // namespace
} // namespace bootview::doctor
