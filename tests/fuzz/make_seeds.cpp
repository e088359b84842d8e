// Writes the inputs that fuzzing begins with: one for each thing that a target should get to.
//
//     make-seeds DIRECTORY        makes DIRECTORY/mbr/…, DIRECTORY/gpt/… and so on
#include "tests/fuzz/base_images.h"
#include "tests/fuzz/image_edits.h"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace bootview;
using namespace bootview::fuzz;

namespace {

class Bytes {
public:
    Bytes& number(std::uint64_t value, std::size_t width) {
        for (std::size_t i = 0; i < width; ++i)
            text_.push_back(static_cast<char>(value >> 8 * i & 0xff));
        return *this;
    }
    Bytes& u8(std::uint64_t value) { return number(value, 1); }
    Bytes& u16(std::uint64_t value) { return number(value, 2); }
    Bytes& u32(std::uint64_t value) { return number(value, 4); }
    Bytes& text(const std::string& more) {
        text_ += more;
        return *this;
    }
    Bytes& edit(Edit kind) { return u8(static_cast<std::uint8_t>(kind)); }
    Bytes& part(Part where) { return u8(static_cast<std::uint8_t>(where)); }
    Bytes& image(const SparseImage& from, std::uint64_t offset, std::size_t count) {
        std::vector<std::byte> bytes(count);
        from.read(offset, bytes);
        for (const std::byte b : bytes)
            text_.push_back(static_cast<char>(b));
        return *this;
    }
    const std::string& string() const { return text_; }

private:
    std::string text_;
};

std::string directory;

void write(const std::string& target, const std::string& name, const Bytes& bytes) {
    const std::filesystem::path folder = std::filesystem::path{directory} / target;
    std::filesystem::create_directories(folder);
    std::ofstream file{folder / name, std::ios::binary};
    file << bytes.string();
    if (!file.flush())
        throw std::runtime_error("cannot write " + (folder / name).string());
}

void whole_images() {
    for (unsigned i = 0; i < base_image_count; ++i) {
        const std::string name = name_of_base_image(i);
        for (const unsigned choice : {0U, 1U, 4U})
            write("whole_image", name + "-" + std::to_string(choice), Bytes{}.u8(i).u8(choice));
        // A long scattered chain; a directory full of entries that share one chain.
        write("whole_image", name + "-scattered",
              Bytes{}
                  .u8(i)
                  .u8(0)
                  .edit(Edit::chain)
                  .u32(20)
                  .u16(2000)
                  .u16(2)
                  .edit(Edit::entries)
                  .part(Part::overlays)
                  .u16(4)
                  .u16(3)
                  .text("LARGE   IMG")
                  .u8(0x20)
                  .u32(20)
                  .u32(900'000));
        write("whole_image", name + "-shared-directory",
              Bytes{}
                  .u8(i)
                  .u8(0)
                  .edit(Edit::chain)
                  .u32(20)
                  .u16(700)
                  .u16(1)
                  .edit(Edit::entries)
                  .part(Part::root)
                  .u16(8)
                  .u16(8)
                  .text("SHARED     ")
                  .u8(0x10)
                  .u32(8)
                  .u32(0));
        write("whole_image", name + "-inside-itself",
              Bytes{}
                  .u8(i)
                  .u8(0)
                  .edit(Edit::entries)
                  .part(Part::overlays)
                  .u16(4)
                  .u16(2)
                  .text("AGAIN      ")
                  .u8(0x10)
                  .u32(8)
                  .u32(0));
        write("whole_image", name + "-changes",
              Bytes{}
                  .u8(i)
                  .u8(0)
                  .edit(Edit::look_around)
                  .edit(Edit::entries)
                  .part(Part::root)
                  .u16(1)
                  .u16(1)
                  .text("KERNEL8 IMG")
                  .u8(0x20)
                  .u32(3)
                  .u32(700)
                  .edit(Edit::look_around)
                  .edit(Edit::field)
                  .u8(13)
                  .u8(0)
                  .u32(2)
                  .edit(Edit::look_around)
                  .edit(Edit::resize)
                  .number(4096, 5));
        write("whole_image", name + "-circle",
              Bytes{}.u8(i).u8(0).edit(Edit::link).u32(6).u32(4).edit(Edit::link).u32(8).u32(8));
        write("whole_image", name + "-long-name",
              Bytes{}
                  .u8(i)
                  .u8(0)
                  .edit(Edit::long_name)
                  .part(Part::overlays)
                  .u16(5)
                  .u8(60)
                  .text("LONGNA~1TXT")
                  .u8(0x20)
                  .u32(5)
                  .u32(10)
                  .text(std::string("\x3d\xd8\x00\xde/\0x\0\0\xd8", 10)));
        write("whole_image", name + "-mended-gpt",
              Bytes{}
                  .u8(i)
                  .u8(1)
                  .edit(Edit::bytes)
                  .part(Part::gpt_entries)
                  .u16(128)
                  .u8(48)
                  .image(base_image(7).image, 1024, 48)
                  .edit(Edit::mend_gpt));
        write("whole_image", name + "-mbr",
              Bytes{}
                  .u8(i)
                  .u8(1)
                  .edit(Edit::bytes)
                  .part(Part::mbr)
                  .u16(16)
                  .u8(48)
                  .image(base_image(6).image, 446, 48));
    }
}

void boot_sectors() {
    for (unsigned i = 0; i < base_image_count; ++i) {
        const BaseImage& base = base_image(i);
        const BaseVolume& volume = base.volumes.front();
        Bytes bytes;
        bytes.u32((volume.size + 511) / 512);
        // As much as fits of the small ones, and the head of the large ones.
        bytes.image(base.image, volume.offset,
                    std::min<std::uint64_t>(volume.cluster(11) - volume.offset, 24'576));
        write("boot_sector", name_of_base_image(i), bytes);
    }
    for (const fat::Type type : {fat::Type::fat12, fat::Type::fat32}) {
        SparseImage image{std::uint64_t{1} << 20};
        const BaseVolume volume = format_volume(
            image, 0, {.type = type, .clusters = 60, .reserved = 2, .fats = 1, .root_entries = 16});
        Bytes bytes;
        bytes.u32(volume.size / 512).image(image, 0, volume.cluster(11));
        const std::string name = type == fat::Type::fat12 ? "tiny_fat12" : "tiny_fat32";
        write("boot_sector", name, bytes);
        // The kernel's chain goes on to the cluster behind the last one; to the last one.
        for (const std::uint32_t next : {62U, 61U}) {
            volume.link(image, 4, next);
            volume.link(image, 61, 0x0fffffff);
            write("boot_sector", name + "_to_" + std::to_string(next),
                  Bytes{}.u32(volume.size / 512).image(image, 0, volume.cluster(11)));
        }
    }
}

void tables() {
    const SparseImage& mbr = base_image(6).image;
    write("mbr", "primary", Bytes{}.u32(mbr.size() / 512).image(mbr, 0, 512));
    SparseImage chain{std::uint64_t{1} << 20};
    for (const auto& [at, index, type, start] : {std::tuple{0, 0, 0x0c, 100},
                                                 {0, 1, 0x05, 2},
                                                 {0, 3, 0x0f, 8},
                                                 {1024, 0, 0x01, 1},
                                                 {1024, 1, 0x05, 1},
                                                 {1536, 0, 0x06, 2},
                                                 {1536, 1, 0x85, 2},
                                                 {2048, 1, 0x05, 1},
                                                 {4096, 0, 0x83, 1}}) {
        chain.put(static_cast<std::uint64_t>(at + 446 + 16 * index + 4), 1,
                  static_cast<std::uint64_t>(type));
        chain.put(static_cast<std::uint64_t>(at + 446 + 16 * index + 8), 4,
                  static_cast<std::uint64_t>(start));
        chain.put(static_cast<std::uint64_t>(at + 446 + 16 * index + 12), 4, 50);
        chain.put(static_cast<std::uint64_t>(at + 510), 2, 0xaa55);
    }
    write("mbr", "logical_in_a_circle", Bytes{}.u32(chain.size() / 512).image(chain, 0, 4608));

    for (const unsigned number : {7U, 8U}) {
        const SparseImage& gpt = base_image(number).image;
        const std::size_t sector = number == 7 ? 512 : 4096;
        const std::size_t tail = number == 7 ? 512 + 1024 : 2 * 4096;
        Bytes bytes;
        bytes.u32(gpt.size() / 512).u16(tail).image(gpt, 0, 2 * sector + 1024);
        bytes.image(gpt, gpt.size() - tail, tail);
        write("gpt", name_of_base_image(number), bytes);
        Bytes damaged;
        damaged.u32(gpt.size() / 512)
            .u16(tail)
            .image(gpt, 0, sector)
            .image(gpt, gpt.size() - tail, tail);
        write("gpt", std::string{name_of_base_image(number)} + "_backup_only", damaged);
    }
}

void directories() {
    const BaseImage& base = base_image(1);
    const BaseVolume& volume = base.volumes.front();
    write("long_name", "root", Bytes{}.u8(1).image(base.image, volume.root, 320));
    write("long_name", "overlays", Bytes{}.u8(2).image(base.image, volume.cluster(8), 320));
    Bytes longest;
    longest.u8(5);
    for (const auto& slot : long_slots(std::string(255, 'n').c_str(), "NNNNNN~1TXT"))
        for (const std::byte b : slot)
            longest.u8(std::to_integer<std::uint8_t>(b));
    for (const std::byte b : short_slot("NNNNNN~1TXT", 0x20, 5, 5))
        longest.u8(std::to_integer<std::uint8_t>(b));
    write("long_name", "longest", longest);
    Bytes odd;
    odd.u8(8);
    for (const char* name : {"\x05-REAL-E5  ", "A/B     /C ", "LOWER   TXT", "...        ",
                             "\x82\xa0\x82\xa2\x88\x9f  TXT"}) {
        auto slot = short_slot(name, 0x20, 5, 5);
        slot[12] = std::byte{0x18};
        for (const std::byte b : slot)
            odd.u8(std::to_integer<std::uint8_t>(b));
    }
    write("long_name", "odd_short_names", odd);
}

void rings() {
    write("ring_subscriber", "drained",
          Bytes{}
              .u8(4)
              .u8(0)
              .u8(0)
              .u8(2)
              .u8(2)
              .u8(5)
              .u8(0x81)
              .number(1 << 20, 5)
              .number(4096, 3)
              .u8(0)
              .u8(2)
              .u8(2)
              .u8(9)
              .u8(0x01)
              .number(3 << 20, 5)
              .number(512, 3)
              .u8(0)
              .u8(1)
              .u8(2)
              .u8(3)
              .u8(2)
              .u8(0));
    write("ring_subscriber", "overflow",
          Bytes{}.u8(2).u8(0).u8(0).u8(2).u8(2).u8(60).u8(1).number(0, 5).number(512, 3).u8(0));
    write("ring_subscriber", "backwards",
          Bytes{}
              .u8(3)
              .u8(0)
              .u8(0)
              .u8(2)
              .u8(4)
              .u16(6)
              .u8(0)
              .u8(2)
              .u8(4)
              .u16(0xfffd)
              .u8(0)
              .u8(2)
              .u8(5)
              .u8(2)
              .u8(0)
              .u8(2)
              .u8(6)
              .number(~0ULL, 8)
              .u8(0));
    write("ring_subscriber", "handshake",
          Bytes{}
              .u8(3)
              .u8(8)
              .u8(0)
              .u8(2)
              .u8(0x10)
              .u8(3)
              .u32(7)
              .u8(1)
              .u8(1)
              .u8(0x10)
              .u8(3)
              .u32(9)
              .u8(0)
              .u8(1));
    write("ring_subscriber", "refused", Bytes{}.u8(3).u8(8).u8(0).u8(1).u8(0x10).u8(4).u32(71));
    write("ring_subscriber", "too_small", Bytes{}.u8(3).u8(1).u16(0xf000));
    write("ring_subscriber", "unsealed", Bytes{}.u8(3).u8(2));
    write("ring_subscriber", "restless",
          Bytes{}.u8(4).u8(4).u8(0).number(1 << 20, 8).u16(8).text(std::string(40, '\0')));
}

void transfers() {
    const auto request = [](const std::string& text) {
        return Bytes{}.number(1'000'000, 8).u16(1428).u16(64).text(text);
    };
    using namespace std::string_literals;
    write("tftp_request", "plain", request("\0\1kernel8.img\0octet\0"s));
    write("tftp_request", "options",
          request("\0\1config.txt\0octet\0tsize\0"
                  "0\0blksize\0"
                  "1408\0windowsize\0"
                  "16\0"
                  "timeout\0"
                  "5\0utimeout\0"
                  "500000\0rollover\0"
                  "1\0"s));
    write("tftp_request", "block_too_small",
          request("\0\1a\0octet\0blksize\0"
                  "7\0"s));
    write("tftp_request", "write", request("\0\2a\0netascii\0"s));
    write("tftp_request", "ack", request("\0\4\0\7"s));
    write("tftp_request", "error", request("\0\5\0\10no thanks\0"s));
    for (const unsigned server : {0U, 1U}) {
        const auto name = [&](const char* what) { return what + std::to_string(server); };
        // Client << 5 | deed, as in tftp_server_fuzz.cpp.
        write("tftp_server", name("lockstep"), Bytes{}.u8(server).u8(2).u8(3).u8(0).u8(7).u8(31));
        write("tftp_server", name("window"),
              Bytes{}.u8(server).u8(2).u8(4).u8(3).u16(1408).u8(16).u8(7).u8(31).u8(7).u8(31));
        write("tftp_server", name("text"), Bytes{}.u8(server).u8(2).u8(0x81).u8(4).u8(7).u8(3));
        write("tftp_server", name("lost"),
              Bytes{}.u8(server).u8(2).u8(3).u8(2).u8(8).u8(3).u8(5).u8(130).u8(3).u8(5).u8(126));
        write("tftp_server", name("two_at_once"),
              Bytes{}
                  .u8(server)
                  .u8(2)
                  .u8(3)
                  .u8(0)
                  .u8(0x22)
                  .u8(3)
                  .u8(0)
                  .u8(3)
                  .u8(0x23)
                  .u8(4)
                  .u8(0x24)
                  .u8(3)
                  .u8(0x23));
        write("tftp_server", name("again"),
              Bytes{}.u8(server).u8(2).u8(4).u8(0).u8(3).u8(2).u8(3).u8(0).u8(3).u8(4).u8(6));
        write(
            "tftp_server", name("raw"),
            Bytes{}.u8(server).u8(0).u8(9).text("\0\2x\0mail\0"s).u8(1).u8(6).text("\0\5\0\0x\0"s));
    }
    for (const unsigned flags : {0U, 1U, 2U, 3U, 4U, 7U}) {
        const std::string name = "transfer_" + std::to_string(flags);
        write("tftp_sender", name + "_lockstep",
              Bytes{}.u8(0).u8(flags).u16(504).u16(0).u32(5000).u16(1000).u8(5).text(
                  "\1\1\1\0\1\1\1\1\3\1\1"));
        write("tftp_sender", name + "_window",
              Bytes{}.u8(0).u8(flags).u16(504).u16(15).u32(60'000).u16(1000).u8(5).text(
                  "\1\1\1\3\1\1\1\1\3\1\1"));
        write("tftp_sender", name + "_hostile",
              Bytes{}
                  .u8(1)
                  .u8(flags)
                  .u16(504)
                  .u16(63)
                  .number(1ULL << 30, 6)
                  .u16(1000)
                  .u8(5)
                  .text(std::string("\3\3\2\4\1\0\1\5\0\0\3", 11)));
    }
}

} // namespace

int main(int count, char** arguments) try {
    if (count != 2) {
        std::fprintf(stderr, "usage: make-seeds DIRECTORY\n");
        return 2;
    }
    directory = arguments[1];
    whole_images();
    boot_sectors();
    tables();
    directories();
    rings();
    transfers();
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "make-seeds: %s\n", e.what());
    return 1;
}
