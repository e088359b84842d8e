// DHCP messages: bytes in, values out, and back. Pure, no I/O. RFC 2131 §2 (the message), RFC 2132
// (options, §9.3: overload), RFC 3396 (an option in several pieces), RFC 3046 (relay agents), RFC
// 4578 (PXE).
//
// The parser is for what firmware and networks really send. Where an option runs over its field's
// end, what came before it counts and the rest of that field is not looked at; a missing end option
// is no fault. What is no DHCP request of an Ethernet machine at all gives nothing. A message has
// at most max_message_bytes, and so has everything that is stored of it.
#pragma once

#include "tftp-bridge/dhcp/address.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bootview::dhcp {

using Bytes = std::span<const std::uint8_t>;

// Of RFC 2132, 3046, 3004, 4578 and IANA's list, those that are used here.
enum class Code : std::uint8_t {
    pad = 0,
    vendor_specific = 43, // PXE's own options are inside: pxe_options.h
    requested_address = 50,
    overload = 52,
    message_type = 53,
    server_identifier = 54,
    parameter_list = 55,
    max_message_size = 57,
    vendor_class = 60,
    boot_file = 67,
    user_class = 77,
    relay_agent = 82,
    architecture = 93,
    network_interface = 94,
    machine_identifier = 97,
    ipxe = 175,
    end = 255,
};

// RFC 2132 §9.6.
enum class MessageType : std::uint8_t {
    none = 0, // BOOTP
    discover = 1,
    offer = 2,
    request = 3,
    decline = 4,
    ack = 5,
    nak = 6,
    release = 7,
    inform = 8,
};

enum class Operation : std::uint8_t { request = 1, reply = 2 };

struct Option {
    Code code = Code::pad;
    std::vector<std::uint8_t> value;
    bool operator==(const Option&) const = default;
};

inline constexpr std::uint16_t broadcast_flag = 0x8000; // RFC 2131 §2, figure 2
inline constexpr std::uint16_t server_port = 67;
inline constexpr std::uint16_t client_port = 68;
inline constexpr std::uint16_t boot_server_port = 4011; // PXE 2.1 §2.2.3

inline constexpr std::size_t max_message_bytes = 4096; // larger ones are no request to boot
inline constexpr std::size_t min_reply_bytes = 300;    // RFC 1542 §2.1; old ROMs drop less
inline constexpr std::size_t max_file_bytes = 127;     // with its NUL it fills the field
inline constexpr std::size_t max_server_name_bytes = 63;

struct Message {
    Operation operation = Operation::request;
    std::uint8_t hops = 0;
    std::uint32_t transaction = 0; // xid
    std::uint16_t seconds = 0;     // since the client began
    std::uint16_t flags = 0;
    Ipv4 client;                             // ciaddr: the address it has
    Ipv4 your;                               // yiaddr: one that it is given; not by us
    Ipv4 server;                             // siaddr: where to load from
    Ipv4 relay;                              // giaddr
    std::array<std::uint8_t, 16> hardware{}; // chaddr, all of it
    std::string server_name;                 // sname, without what follows its NUL
    std::string file;                        // likewise
    std::vector<Option> options;             // the pieces of one option are together

    // The first six bytes of the hardware address: Ethernet is all there is.
    Mac mac() const;
    // Nothing if the option is not there; an empty value is one.
    std::optional<Bytes> find(Code code) const;
    MessageType type() const;
    bool operator==(const Message&) const = default;
};

// Nothing for what is no message of Ethernet's (RFC 2131's op, htype, hlen and the magic cookie).
std::optional<Message> parse_message(Bytes datagram);

// The options in their order, an end option, and zeros up to min_reply_bytes. A value beyond 255
// bytes goes out in pieces. server_name and file are cut to what their fields hold.
std::vector<std::uint8_t> write_message(const Message& message);

// Values of options.
std::vector<std::uint8_t> value_of(std::string_view text);
std::vector<std::uint8_t> value_of(Ipv4 address);

} // namespace bootview::dhcp
