#include "tftp-bridge/dhcp/packet.h"

#include "tftp-bridge/dhcp/big_endian.h"

#include <algorithm>
#include <cstring>

namespace bootview::dhcp {
namespace {

// Offsets of RFC 2131 §2, figure 1.
constexpr std::size_t hops_at = 3;
constexpr std::size_t transaction_at = 4;
constexpr std::size_t seconds_at = 8;
constexpr std::size_t flags_at = 10;
constexpr std::size_t client_at = 12;
constexpr std::size_t your_at = 16;
constexpr std::size_t server_at = 20;
constexpr std::size_t relay_at = 24;
constexpr std::size_t hardware_at = 28;
constexpr std::size_t server_name_at = 44;
constexpr std::size_t file_at = 108;
constexpr std::size_t cookie_at = 236;
constexpr std::size_t options_at = 240;
constexpr std::size_t server_name_size = 64;
constexpr std::size_t file_size = 128;

constexpr std::uint8_t ethernet = 1; // htype
constexpr std::uint8_t ethernet_address_size = 6;
constexpr std::uint32_t magic_cookie = 0x63825363; // RFC 2131 §3

// Option 52, RFC 2132 §9.3: which of the header's fields hold options.
constexpr unsigned file_is_overloaded = 1;
constexpr unsigned server_name_is_overloaded = 2;

// A bound for the number of different options; there are no more codes.
constexpr std::size_t max_options = 254;

std::string read_text(Bytes field) {
    const auto end = std::find(field.begin(), field.end(), 0);
    return {field.begin(), end};
}

void write_text(std::span<std::uint8_t> to, std::size_t at, std::string_view text,
                std::size_t field) {
    std::copy_n(text.begin(), std::min(text.size(), field - 1), to.begin() + static_cast<long>(at));
}

// RFC 3396 §7: the pieces of an option make one value, in the order in which they come.
void append_piece(std::vector<Option>& options, Code code, Bytes piece) {
    const auto known = std::find_if(options.begin(), options.end(),
                                    [&](const Option& option) { return option.code == code; });
    if (known != options.end())
        known->value.insert(known->value.end(), piece.begin(), piece.end());
    else if (options.size() < max_options)
        options.push_back({code, {piece.begin(), piece.end()}});
}

void read_options(Bytes field, std::vector<Option>& options) {
    for (std::size_t at = 0; at < field.size();) {
        const auto code = static_cast<Code>(field[at++]);
        if (code == Code::pad)
            continue;
        if (code == Code::end || at == field.size())
            return;
        const std::size_t length = field[at++];
        if (length > field.size() - at)
            return;
        append_piece(options, code, field.subspan(at, length));
        at += length;
    }
}

} // namespace

Mac Message::mac() const {
    Mac result;
    std::copy_n(hardware.begin(), result.bytes.size(), result.bytes.begin());
    return result;
}

std::optional<Bytes> Message::find(Code code) const {
    for (const auto& option : options)
        if (option.code == code)
            return Bytes(option.value);
    return std::nullopt;
}

MessageType Message::type() const {
    const auto value = find(Code::message_type);
    if (!value || value->empty() || (*value)[0] > static_cast<unsigned>(MessageType::inform))
        return MessageType::none;
    return static_cast<MessageType>((*value)[0]);
}

std::optional<Message> parse_message(Bytes datagram) {
    if (datagram.size() < options_at || datagram.size() > max_message_bytes)
        return std::nullopt;
    const auto operation = datagram[0];
    if (operation != static_cast<std::uint8_t>(Operation::request) &&
        operation != static_cast<std::uint8_t>(Operation::reply))
        return std::nullopt;
    if (datagram[1] != ethernet || datagram[2] != ethernet_address_size ||
        read_u32(datagram, cookie_at) != magic_cookie)
        return std::nullopt;

    Message message;
    message.operation = static_cast<Operation>(operation);
    message.hops = datagram[hops_at];
    message.transaction = read_u32(datagram, transaction_at);
    message.seconds = read_u16(datagram, seconds_at);
    message.flags = read_u16(datagram, flags_at);
    message.client = Ipv4{read_u32(datagram, client_at)};
    message.your = Ipv4{read_u32(datagram, your_at)};
    message.server = Ipv4{read_u32(datagram, server_at)};
    message.relay = Ipv4{read_u32(datagram, relay_at)};
    std::copy_n(datagram.begin() + hardware_at, message.hardware.size(), message.hardware.begin());

    const auto file = datagram.subspan(file_at, file_size);
    const auto server_name = datagram.subspan(server_name_at, server_name_size);
    read_options(datagram.subspan(options_at), message.options);
    // RFC 2132 §9.3, RFC 3396 §5: first "file", then "sname".
    unsigned overloaded = 0;
    if (const auto overload = message.find(Code::overload); overload && overload->size() == 1)
        overloaded = (*overload)[0];
    if (overloaded & file_is_overloaded)
        read_options(file, message.options);
    else
        message.file = read_text(file);
    if (overloaded & server_name_is_overloaded)
        read_options(server_name, message.options);
    else
        message.server_name = read_text(server_name);
    return message;
}

std::vector<std::uint8_t> write_message(const Message& message) {
    std::vector<std::uint8_t> packet(options_at);
    packet[0] = static_cast<std::uint8_t>(message.operation);
    packet[1] = ethernet;
    packet[2] = ethernet_address_size;
    packet[hops_at] = message.hops;
    write_u32(packet, transaction_at, message.transaction);
    write_u16(packet, seconds_at, message.seconds);
    write_u16(packet, flags_at, message.flags);
    write_u32(packet, client_at, message.client.value);
    write_u32(packet, your_at, message.your.value);
    write_u32(packet, server_at, message.server.value);
    write_u32(packet, relay_at, message.relay.value);
    std::copy(message.hardware.begin(), message.hardware.end(), packet.begin() + hardware_at);
    write_text(packet, server_name_at, message.server_name, server_name_size);
    write_text(packet, file_at, message.file, file_size);
    write_u32(packet, cookie_at, magic_cookie);

    for (const auto& option : message.options) {
        Bytes rest = option.value;
        do {
            const auto piece = rest.first(std::min<std::size_t>(rest.size(), 255));
            packet.push_back(static_cast<std::uint8_t>(option.code));
            packet.push_back(static_cast<std::uint8_t>(piece.size()));
            packet.insert(packet.end(), piece.begin(), piece.end());
            rest = rest.subspan(piece.size());
        } while (!rest.empty());
    }
    packet.push_back(static_cast<std::uint8_t>(Code::end));
    packet.resize(std::max(packet.size(), min_reply_bytes));
    return packet;
}

std::vector<std::uint8_t> value_of(std::string_view text) {
    return {text.begin(), text.end()};
}

std::vector<std::uint8_t> value_of(Ipv4 address) {
    std::vector<std::uint8_t> value(4);
    write_u32(value, 0, address.value);
    return value;
}

} // namespace bootview::dhcp
