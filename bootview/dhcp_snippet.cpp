#include "bootview/dhcp_snippet.h"

#include "tftp-bridge/dhcp/answer.h"
#include "tftp-bridge/dhcp/pxe_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bootview {
namespace {

// Of the MAC addresses of Raspberry Pis, as the IEEE has given them out.
constexpr std::array pi_prefixes{"28:cd:c1", "2c:cf:67", "88:a2:9e", "b8:27:eb",
                                 "d8:3a:dd", "dc:a6:32", "e4:5f:01"};

std::string without_colons(std::string text) {
    std::erase(text, ':');
    return text;
}

// As the proxy sends it.
std::string pi_menu_in_hex(std::string_view separator) {
    const auto menu = dhcp::menu_option({{dhcp::local_boot, dhcp::AnswerSettings{}.pi_menu}},
                                        dhcp::PxePrompt{}, {});
    return fmt::format("{:02x}", fmt::join(menu.value(), separator));
}

struct Architecture {
    const char* tag;
    std::vector<int> numbers; // of option 93
    const std::string& file;
};

std::vector<Architecture> architectures(const DhcpSnippetRequest& request) {
    // 9 is the bytecode that many x64 PCs name instead of themselves.
    return {
        {"bios", {0}, request.bios}, {"x64", {7, 9}, request.x64}, {"arm64", {11}, request.arm64}};
}

std::string for_dnsmasq(const DhcpSnippetRequest& request) {
    std::string text = "# A file in /etc/dnsmasq.d; then: systemctl restart dnsmasq\n";
    for (const auto* prefix : pi_prefixes)
        text += fmt::format("dhcp-mac=set:bootview-pi,{}:*:*:*\n", prefix);
    text += fmt::format("dhcp-option-force=tag:bootview-pi,43,{}\n"
                        "dhcp-boot=tag:bootview-pi,bootcode.bin,{},{}\n",
                        pi_menu_in_hex(":"), request.server, request.server);
    for (const auto& [tag, numbers, file] : architectures(request)) {
        for (const int number : numbers)
            text += fmt::format("dhcp-match=set:bootview-{},option:client-arch,{}\n", tag, number);
        text += fmt::format("dhcp-boot=tag:bootview-{},tag:!bootview-pi,{},{},{}\n", tag, file,
                            request.server, request.server);
    }
    return text;
}

std::string for_openwrt(const DhcpSnippetRequest& request) {
    std::string text = "# Commands for the router's shell.\n";
    const auto section = [&](const std::string& kind, const std::vector<std::string>& options) {
        text += fmt::format("uci add dhcp {}\n", kind);
        for (const auto& option : options)
            text += fmt::format("uci {}\n", option);
    };
    for (const auto* prefix : pi_prefixes)
        section("mac", {fmt::format("set dhcp.@mac[-1].mac='{}:*:*:*'", prefix),
                        "set dhcp.@mac[-1].networkid='bootview-pi'"});
    section("boot",
            {"set dhcp.@boot[-1].networkid='bootview-pi'",
             "set dhcp.@boot[-1].filename='bootcode.bin'",
             fmt::format("set dhcp.@boot[-1].servername='{}'", request.server),
             fmt::format("set dhcp.@boot[-1].serveraddress='{}'", request.server),
             fmt::format("add_list dhcp.@boot[-1].dhcp_option='43,{}'", pi_menu_in_hex(":")),
             "set dhcp.@boot[-1].force='1'"});
    for (const auto& [tag, numbers, file] : architectures(request)) {
        for (const int number : numbers)
            section("match",
                    {fmt::format("set dhcp.@match[-1].networkid='bootview-{}'", tag),
                     fmt::format("set dhcp.@match[-1].match='option:client-arch,{}'", number)});
        section("boot",
                {fmt::format("set dhcp.@boot[-1].networkid='bootview-{},tag:!bootview-pi'", tag),
                 fmt::format("set dhcp.@boot[-1].filename='{}'", file),
                 fmt::format("set dhcp.@boot[-1].servername='{}'", request.server),
                 fmt::format("set dhcp.@boot[-1].serveraddress='{}'", request.server)});
    }
    return text + "uci commit dhcp\n/etc/init.d/dnsmasq restart\n";
}

std::string for_kea(const DhcpSnippetRequest& request) {
    std::vector<std::string> is_pi;
    for (const auto* prefix : pi_prefixes)
        is_pi.push_back(fmt::format("substring(pkt4.mac, 0, 3) == 0x{}", without_colons(prefix)));
    std::string text = fmt::format(
        R"kea(// Into "Dhcp4" of kea-dhcp4.conf; then: systemctl reload kea-dhcp4-server
"client-classes": [
    {{
        "name": "bootview-pi",
        "test": "{}",
        "next-server": "{}",
        "option-def": [ {{ "name": "vendor-encapsulated-options", "code": 43, "type": "binary" }} ],
        "option-data": [ {{ "name": "vendor-encapsulated-options", "csv-format": false, "always-send": true,
                           "data": "{}" }} ]
    }})kea",
        fmt::join(is_pi, " or "), request.server, pi_menu_in_hex(""));
    for (const auto& [tag, numbers, file] : architectures(request)) {
        std::vector<std::string> tests;
        for (const int number : numbers)
            tests.push_back(fmt::format("option[93].hex == 0x{:04x}", number));
        text += fmt::format(R"kea(,
    {{
        "name": "bootview-{}",
        "test": "not member('bootview-pi') and ({})",
        "next-server": "{}",
        "server-hostname": "{}",
        "boot-file-name": "{}"
    }})kea",
                            tag, fmt::join(tests, " or "), request.server, request.server, file);
    }
    return text + "\n]\n";
}

std::string for_isc(const DhcpSnippetRequest& request) {
    std::vector<std::string> is_pi;
    for (const auto* prefix : pi_prefixes)
        is_pi.push_back(fmt::format("substring(hardware, 1, 3) = {}", prefix));
    std::string text =
        fmt::format("# Into dhcpd.conf, outside of all braces; then: systemctl restart "
                    "isc-dhcp-server\n"
                    "option bootview-arch code 93 = unsigned integer 16;\n"
                    "if {} {{\n"
                    "    next-server {};\n"
                    "    option vendor-encapsulated-options {};\n"
                    "}}",
                    fmt::join(is_pi, "\n    or "), request.server, pi_menu_in_hex(":"));
    for (const auto& [tag, numbers, file] : architectures(request)) {
        std::vector<std::string> tests;
        for (const int number : numbers)
            tests.push_back(fmt::format("option bootview-arch = 00:{:02x}", number));
        text += fmt::format(" elsif {} {{ # {}\n"
                            "    next-server {};\n"
                            "    server-name \"{}\";\n"
                            "    filename \"{}\";\n"
                            "}}",
                            fmt::join(tests, " or "), tag, request.server, request.server, file);
    }
    return text + "\n";
}

} // namespace

std::string dhcp_snippet(const DhcpSnippetRequest& request) {
    switch (request.kind) {
    case DhcpServerKind::dnsmasq:
        return for_dnsmasq(request);
    case DhcpServerKind::openwrt:
        return for_openwrt(request);
    case DhcpServerKind::kea:
        return for_kea(request);
    case DhcpServerKind::isc:
        return for_isc(request);
    }
    return {};
}

bool is_maker_of_pis(std::string_view prefix) {
    return std::find(pi_prefixes.begin(), pi_prefixes.end(), prefix) != pi_prefixes.end();
}

bool is_plain_file_name(std::string_view name) {
    return !name.empty() && name.size() < 128 &&
           name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._-/+@") == std::string_view::npos;
}

} // namespace bootview
