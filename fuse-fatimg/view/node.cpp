#include "fuse-fatimg/view/node.h"

#include <algorithm>
#include <functional>

namespace bootview::view {

namespace {

std::uint64_t hash_of(std::string_view folded) {
    return std::hash<std::string_view>{}(folded);
}

} // namespace

Listing::Listing(fat::Directory directory, fat::Extents extents)
    : directory_(std::move(directory)), extents_(std::move(extents)) {
    by_name_.reserve(directory_.entries.size());
    for (std::uint32_t i = 0; i < directory_.entries.size(); ++i) {
        const fat::Entry& entry = directory_.entries[i];
        const std::string name = fat::fold(entry.name);
        const std::string short_name = fat::fold(entry.short_name);
        by_name_.emplace_back(hash_of(name), i);
        if (short_name != name)
            by_name_.emplace_back(hash_of(short_name), i);
    }
    std::sort(by_name_.begin(), by_name_.end());
}

const fat::Entry* Listing::find(std::string_view name) const {
    const std::string folded = fat::fold(name);
    const std::pair<std::uint64_t, std::uint32_t> key{hash_of(folded), 0};
    const fat::Entry* other_case = nullptr;
    for (auto i = std::lower_bound(by_name_.begin(), by_name_.end(), key);
         i != by_name_.end() && i->first == key.first; ++i) {
        const fat::Entry& entry = directory_.entries[i->second];
        if (entry.name == name || entry.short_name == name)
            return &entry;
        if (other_case == nullptr &&
            (fat::fold(entry.name) == folded || fat::fold(entry.short_name) == folded))
            other_case = &entry;
    }
    return other_case;
}

const fat::Entry* Listing::at_slot(std::uint32_t slot) const {
    const auto found =
        std::lower_bound(directory_.entries.begin(), directory_.entries.end(), slot,
                         [](const fat::Entry& entry, std::uint32_t s) { return entry.slot < s; });
    return found != directory_.entries.end() && found->slot == slot ? &*found : nullptr;
}

std::uint64_t Listing::address(std::uint32_t slot) const {
    std::uint64_t address = 0;
    extents_.for_each(std::uint64_t{slot} * fat::slot_size, 1, [&](const Range& range) {
        address = range.offset;
        return false;
    });
    return address;
}

std::size_t Listing::footprint() const {
    constexpr std::size_t inside = 15; // what a string holds without memory of its own
    std::size_t bytes = sizeof *this + extents_.footprint() +
                        directory_.entries.capacity() * sizeof(fat::Entry) +
                        by_name_.capacity() * sizeof(by_name_[0]);
    for (const fat::Entry& entry : directory_.entries)
        bytes += entry.name.capacity() > inside ? entry.name.capacity() + 1 + 2 * sizeof(void*) : 0;
    return bytes;
}

} // namespace bootview::view
