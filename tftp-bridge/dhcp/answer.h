// Whether a DHCP message is answered, and with what: a proxyDHCP server's whole judgement (PXE 2.1
// §2.2). Pure: what files there are to boot is asked through a function that is handed in.
//
// We are never a DHCP server. An answer holds no address, no lease time, no router and no netmask.
// It says where a boot program is, in one of three shapes, which real firmware was seen to boot:
//     BIOS and iPXE    server, file, and option 43: "boot that file, look no further"
//     UEFI             server and file without option 43, and the same again on port 4011: some
//                      firmware ignores offers that try to bypass that second question
//     Raspberry Pi     server and a menu in option 43 with the one text that it looks for; which
//                      file comes first is in its ROM
// With a menu (--pxe-menu) option 43 holds that instead, and the choice comes to port 4011. HTTP
// boot (vendor class "HTTPClient") gets a URL.
//
// The server's address stands in siaddr *and* in option 54. Clients differ in which they look at:
// without siaddr, shim, GRUB, U-Boot and iPXE load from the DHCP server; EDK2 crashes without 54.
#pragma once

#include "tftp-bridge/dhcp/machine.h"
#include "tftp-bridge/dhcp/packet.h"
#include "tftp-bridge/dhcp/pxe_options.h"

#include <array>
#include <chrono>
#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace bootview::dhcp {

// One line of the menu.
struct MenuEntry {
    std::optional<Architecture> architecture; // without: for all
    std::string text;
    std::string file; // empty: boot from the local disk
};

struct AnswerSettings {
    // What a Raspberry Pi looks for. The spaces are for the Pi 3B, whose ROM computes a length
    // wrongly; the others do not mind. Empty: Pis get no answer.
    std::string pi_menu = "Raspberry Pi Boot   ";
    std::vector<MenuEntry> menu;
    std::optional<PxePrompt> prompt; // of the menu
    bool adopt = true; // also answer machines that nobody has named; a Raspberry Pi always is
    std::array<std::chrono::milliseconds, 5> delays{}; // by BootClass
};

// What a machine is to boot. Empty: nothing.
struct BootFiles {
    std::string program;     // a name, as it is asked for by TFTP
    std::string ipxe_script; // a name or a URL that iPXE gets instead
    std::string url;         // for HTTP boot
    // The program is iPXE, or else iPXE itself has come from it: who is iPXE already would load it
    // again and again.
    bool program_starts_ipxe = false;
    bool named = false; // the machine has a [[client]], or a directory that is called like it
    auto operator<=>(const BootFiles&) const = default;
};
using FindBootFiles = std::function<BootFiles(const Machine& machine)>;

struct Arrival {
    std::uint16_t port = server_port; // of ours: server_port or boot_server_port
    Ipv4 local;                       // ours, in the client's network: where it is to load from
    Ipv4 source;
    std::uint16_t source_port = client_port;
};

struct Reply {
    std::vector<std::uint8_t> packet;
    Ipv4 to; // broadcast_address: to everyone on the interface the message came from
    std::uint16_t to_port = client_port;
    std::chrono::milliseconds delay{0};
    std::string what; // for the log: "pxelinux.0", "menu"
};

enum class Silence : std::uint8_t {
    not_a_request, // a reply, or no DHCP at all
    not_booting,   // an ordinary DHCP client
    no_architecture,
    not_discover,        // REQUEST and the like on port 67: the DHCP server's business
    not_for_boot_server, // on port 4011 something else than DISCOVER, REQUEST, INFORM
    no_boot_program,
    no_url,
    no_ipxe_script, // only iPXE itself could be offered to iPXE, again and again
    pi_switched_off,
    unknown_menu_entry,
    wants_credentials,
    no_local_address,
    not_adopted,
};
inline constexpr std::size_t silence_count = 13;

// A word for counters: "no-boot-program".
std::string_view to_string(Silence silence);

struct Ignored {
    Silence silence = Silence::not_a_request;
    std::string why; // for the log, with what to do about it
};

using Answer = std::variant<Reply, Ignored>;

Answer answer(const Message& message, const Arrival& arrival, const AnswerSettings& settings,
              const FindBootFiles& find_boot_files);

// iPXE by the name of its usual files: undionly.kpxe, ipxe.efi, snponly.efi and their like.
bool is_ipxe_program(std::string_view file);

} // namespace bootview::dhcp
