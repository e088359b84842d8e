#include "bootview/doctor/kernel.h"

#include "fuse-fatimg/image/bytes.h"

#include <algorithm>
#include <string_view>

namespace bootview::doctor {

namespace {

constexpr std::string_view banner = "Linux version ";

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "Linux version 6.1.0-18-arm64 (debian-..." The words alone stand elsewhere too.
std::string version_in(std::string_view text) {
    for (auto at = text.find(banner); at != std::string_view::npos;
         at = text.find(banner, at + 1)) {
        const auto version = text.substr(at + banner.size(), 200);
        if (!version.empty() && version.front() >= '0' && version.front() <= '9' &&
            version.find(' ') != std::string_view::npos)
            return std::string(version.substr(0, version.find(' ')));
    }
    return {};
}

std::string version_of_packed(Packing packing, std::span<const std::byte> bytes,
                              const Unpack& unpack) {
    constexpr std::size_t overlap = 256; // so that what lies over a border is found
    std::string version;
    std::string window;
    unpack(packing, bytes, [&](std::span<const std::byte> piece) {
        if (!version.empty())
            return;
        window.append(as_text(piece));
        version = version_in(window);
        window.erase(0, window.size() - std::min(window.size(), overlap));
    });
    return version;
}

} // namespace

std::string kernel_version(std::span<const std::byte> bytes, const Unpack& unpack) {
    constexpr std::size_t x86_magic = 0x202;
    constexpr std::size_t x86_version = 0x20e;
    if (bytes.size() > x86_version + 2 && as_text(bytes).substr(x86_magic, 4) == "HdrS") {
        const std::size_t at = get16(bytes, x86_version) + std::size_t{0x200};
        if (at >= bytes.size())
            return {};
        const auto text = as_text(bytes).substr(at, 200);
        return std::string(text.substr(0, text.find_first_of(std::string_view{" \0", 2})));
    }
    if (const auto packing = packing_of(bytes))
        return version_of_packed(*packing, bytes, unpack);
    // Linux include/linux/pe.h: "MZ", "zimg", where the packed kernel lies, and how long it is.
    if (bytes.size() > 64 && as_text(bytes).starts_with("MZ") &&
        as_text(bytes).substr(4, 4) == "zimg") {
        const std::uint32_t at = get32(bytes, 8);
        const std::uint32_t length = get32(bytes, 12);
        if (at >= bytes.size() || length > bytes.size() - at)
            return {};
        const auto payload = bytes.subspan(at, length);
        const auto packing = packing_of(payload);
        return packing ? version_of_packed(*packing, payload, unpack) : std::string{};
    }
    return version_in(as_text(bytes));
}

} // namespace bootview::doctor
