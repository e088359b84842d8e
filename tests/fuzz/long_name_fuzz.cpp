// Directories: raw slots in, names out, and every name found again.
//
// Input: the FAT's type and the code page (1 byte), then slots. Mutations get the checksums of long
// names mended mostly: only one in 256 would be right by chance.
#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/view/node.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input.h"

#include <algorithm>
#include <array>
#include <string>

using namespace bootview;
using namespace bootview::fuzz;

namespace {

const fat::CodePage& code_page(unsigned choice) {
    static const std::array<fat::CodePage, 4> pages{
        fat::CodePage::cp437(), fat::CodePage::load("850"), fat::CodePage::load("932"),
        fat::CodePage::load("1252")};
    return pages[choice % pages.size()];
}

bool is_found(const view::Listing& listing, const std::string& name) {
    const fat::Entry* found = listing.find(name);
    return found != nullptr && (found->name == name || found->short_name == name);
}

// A name, as another program may spell it.
std::string capitals(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    });
    return name;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    const unsigned choice = input.u8();
    const auto slots = input.rest();
    const fat::Directory directory =
        fat::parse_directory(slots, static_cast<fat::Type>(choice % 3), code_page(choice / 3));

    require(directory.entries.size() <= slots.size() / fat::slot_size, "one entry a slot at most");
    require(directory.label.size() <= 11 * 4, "a label is no longer than its field");
    std::int64_t before = -1;
    for (const fat::Entry& entry : directory.entries) {
        require(fat::is_presentable(entry.name), "a name that a kernel may be given");
        require(entry.name.find('/') == std::string::npos &&
                    entry.name.find('\0') == std::string::npos && !entry.name.empty() &&
                    entry.name != "." && entry.name != "..",
                "a name without '/' and NUL");
        require(entry.name.size() <= 260 * 3, "a name is no longer than its slots");
        require(entry.slot > before && entry.slot < slots.size() / fat::slot_size,
                "entries stand in the order of their slots");
        before = entry.slot;
        const std::string folded = fat::fold(entry.name);
        require(fat::fold(folded) == folded && fat::fold(capitals(entry.name)) == folded,
                "folding does not depend on case");
    }

    const view::Listing listing{directory, {}};
    for (const fat::Entry& entry : directory.entries) {
        require(is_found(listing, entry.name), "every listed name is found");
        if (fat::is_presentable(entry.short_name))
            require(is_found(listing, entry.short_name), "every short name is found");
        require(listing.find(capitals(entry.name)) != nullptr, "names are found in capitals");
        require(listing.at_slot(entry.slot) != nullptr, "every slot is found");
    }
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maximum,
                                    unsigned seed) {
    size = LLVMFuzzerMutate(data, size, maximum);
    if (seed % 4 == 0)
        return size;
    // From the end to the front: each short entry's checksum into the long slots before it.
    std::uint8_t sum = 0;
    for (std::size_t slot = (size - std::min<std::size_t>(size, 1)) / fat::slot_size; slot-- > 0;) {
        std::uint8_t* bytes = data + 1 + slot * fat::slot_size;
        if ((bytes[11] & 0x3f) == fat::attribute_long_name) {
            bytes[13] = sum;
            continue;
        }
        fat::ShortName name;
        std::copy_n(bytes, name.size(), name.begin());
        sum = fat::checksum(name);
    }
    return size;
}
