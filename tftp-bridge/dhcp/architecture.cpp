#include "tftp-bridge/dhcp/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace bootview::dhcp {
namespace {

struct Row {
    Architecture architecture;
    std::string_view name;
    Architecture program;
    bool http;
};

using enum Architecture;
constexpr std::array rows = {
    Row{bios, "bios", bios, false},
    Row{itanium, "itanium", itanium, false},
    Row{ia32, "ia32", ia32, false},
    Row{x64, "x64", x64, false},
    Row{ebc, "ebc", x64, false},
    Row{arm32, "arm32", arm32, false},
    Row{arm64, "arm64", arm64, false},
    Row{ia32_http, "ia32-http", ia32, true},
    Row{x64_http, "x64-http", x64, true},
    Row{ebc_http, "ebc-http", x64, true},
    Row{arm32_http, "arm32-http", arm32, true},
    Row{arm64_http, "arm64-http", arm64, true},
    Row{bios_http, "bios-http", bios, true},
    Row{arm32_uboot, "arm32-uboot", arm32_uboot, false},
    Row{arm64_uboot, "arm64-uboot", arm64_uboot, false},
    Row{arm32_uboot_http, "arm32-uboot-http", arm32_uboot, true},
    Row{arm64_uboot_http, "arm64-uboot-http", arm64_uboot, true},
    Row{riscv32, "riscv32", riscv32, false},
    Row{riscv32_http, "riscv32-http", riscv32, true},
    Row{riscv64, "riscv64", riscv64, false},
    Row{riscv64_http, "riscv64-http", riscv64, true},
    Row{riscv128, "riscv128", riscv128, false},
    Row{riscv128_http, "riscv128-http", riscv128, true},
    Row{loongarch32, "loongarch32", loongarch32, false},
    Row{loongarch32_http, "loongarch32-http", loongarch32, true},
    Row{loongarch64, "loongarch64", loongarch64, false},
    Row{loongarch64_http, "loongarch64-http", loongarch64, true},
    Row{raspberry_pi, "pi", raspberry_pi, false},
};

const Row* find(Architecture architecture) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& candidate) {
        return candidate.architecture == architecture;
    });
    return row == rows.end() ? nullptr : &*row;
}

} // namespace

std::string to_string(Architecture architecture) {
    if (const auto* row = find(architecture))
        return std::string(row->name);
    return fmt::format("architecture {}", static_cast<unsigned>(architecture));
}

std::optional<Architecture> architecture_from_text(std::string_view text) {
    for (const auto& row : rows)
        if (row.name == text)
            return row.architecture;
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return static_cast<Architecture>(number);
}

bool is_known(Architecture architecture) {
    return find(architecture) != nullptr;
}

const std::vector<std::string_view>& architecture_names() {
    static const auto names = [] {
        std::vector<std::string_view> all;
        for (const auto& row : rows)
            all.push_back(row.name);
        return all;
    }();
    return names;
}

Architecture program_architecture(Architecture architecture) {
    const auto* row = find(architecture);
    return row ? row->program : architecture;
}

bool is_http(Architecture architecture) {
    const auto* row = find(architecture);
    return row && row->http;
}

bool is_uefi(Architecture architecture) {
    return architecture != bios && architecture != bios_http && architecture != raspberry_pi;
}

} // namespace bootview::dhcp
