// What arrives at ports 67 and 4011, and what is said to it.
//
// Input: a byte of flags (the port, a menu, what there is to boot); then the datagram.
#include "tests/fuzz/fuzz_target.h"
#include "tftp-bridge/dhcp/answer.h"
#include "tftp-bridge/dhcp/udp_frame.h"

#include <algorithm>

using namespace bootview::dhcp;
using bootview::fuzz::require;

namespace {

constexpr Ipv4 ours{0x0a4d0002};

AnswerSettings settings_with_menu(bool menu) {
    AnswerSettings settings;
    if (menu)
        settings.menu = {{Architecture::bios, "One", "one.0"},
                         {Architecture::x64, "Two", "two.efi"},
                         {{}, "Three", "three"},
                         {{}, "Disk", ""}};
    return settings;
}

void check(const Reply& reply, const Message& message) {
    require(reply.packet.size() >= min_reply_bytes, "a reply is as long as ROMs want it");
    // All that a client has a say in is what it has sent: an identifier, a relay agent's option.
    require(reply.packet.size() <= 2 * max_message_bytes, "a reply is bounded");
    if (reply.packet.size() > max_message_bytes)
        return;
    const auto parsed = parse_message(reply.packet);
    require(parsed.has_value(), "a reply is a message");
    require(parsed->operation == Operation::reply, "a reply is one");
    require(parsed->transaction == message.transaction && parsed->hardware == message.hardware,
            "a reply is for the one that asked");
    require(parsed->your.is_zero() || parsed->your == message.client, "no address is given");
    for (const unsigned code : {1, 3, 50, 51, 58, 59})
        require(!parsed->find(static_cast<Code>(code)), "no lease is given");
    require(parsed->server == ours, "we are the server");
    require(parsed->find(Code::server_identifier).has_value(), "EDK2 crashes without option 54");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto flags = data[0];
    const Bytes datagram(data + 1, size - 1);
    parse_udp_frame(datagram);
    const auto message = parse_message(datagram);
    if (!message)
        return 0;
    // Options from the fields of names come behind the others, and may not fit there any more.
    const auto written = write_message(*message);
    require(written.size() > max_message_bytes || parse_message(written).has_value(),
            "what is written can be read");

    const Arrival arrival{flags & 1 ? boot_server_port : server_port, ours, {0x0a4d0064}, 68};
    const auto answered =
        answer(*message, arrival, settings_with_menu(flags & 2), [&](const Machine&) {
            return flags & 4 ? BootFiles{"boot.efi", "s.ipxe", "http://a/"} : BootFiles{};
        });
    if (const auto* reply = std::get_if<Reply>(&answered))
        check(*reply, *message);
    else
        require(!std::get<Ignored>(answered).why.empty(), "a silence has a reason");
    return 0;
}
