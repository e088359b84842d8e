#include "tftp-bridge/tftp/packet.h"

#include <algorithm>

namespace bootview::tftp {
namespace {

std::uint16_t read_u16(Bytes bytes) {
    return static_cast<std::uint16_t>((std::to_integer<unsigned>(bytes[0]) << 8) |
                                      std::to_integer<unsigned>(bytes[1]));
}

void append_u16(std::vector<std::byte>& packet, std::uint16_t value) {
    packet.push_back(static_cast<std::byte>(value >> 8));
    packet.push_back(static_cast<std::byte>(value & 0xff));
}

void append_string(std::vector<std::byte>& packet, std::string_view text) {
    for (const char c : text)
        packet.push_back(static_cast<std::byte>(c));
    packet.push_back(std::byte{0});
}

std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes one NUL-terminated string off the front; nothing when there is no NUL.
std::optional<std::string_view> take_string(std::string_view& rest) {
    const auto end = rest.find('\0');
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::optional<std::uint16_t> parse_opcode(Bytes datagram) {
    if (datagram.size() < 2)
        return std::nullopt;
    return read_u16(datagram);
}

std::optional<Request> parse_request(Bytes datagram) {
    const auto opcode = parse_opcode(datagram);
    if (opcode != static_cast<std::uint16_t>(Opcode::rrq) &&
        opcode != static_cast<std::uint16_t>(Opcode::wrq))
        return std::nullopt;

    auto rest = as_text(datagram.subspan(2));
    const auto name = take_string(rest);
    const auto mode = name ? take_string(rest) : std::nullopt;
    if (!mode)
        return std::nullopt;

    Request request{static_cast<Opcode>(*opcode), *name, *mode, {}};
    while (true) {
        const auto option = take_string(rest);
        const auto value = option ? take_string(rest) : std::nullopt;
        if (!value)
            return request;
        request.options.add({*option, *value});
    }
}

std::optional<std::uint16_t> parse_ack(Bytes datagram) {
    if (datagram.size() < 4 || read_u16(datagram) != static_cast<std::uint16_t>(Opcode::ack))
        return std::nullopt;
    return read_u16(datagram.subspan(2));
}

std::optional<ErrorMessage> parse_error(Bytes datagram) {
    if (datagram.size() < 4 || read_u16(datagram) != static_cast<std::uint16_t>(Opcode::error))
        return std::nullopt;
    const auto text = as_text(datagram.subspan(4));
    return ErrorMessage{read_u16(datagram.subspan(2)), text.substr(0, text.find('\0'))};
}

void write_data_header(std::span<std::byte, data_header_bytes> header, std::uint16_t block) {
    header[0] = std::byte{0};
    header[1] = static_cast<std::byte>(Opcode::data);
    header[2] = static_cast<std::byte>(block >> 8);
    header[3] = static_cast<std::byte>(block & 0xff);
}

std::vector<std::byte> build_oack(std::span<const Option> accepted) {
    std::vector<std::byte> packet;
    append_u16(packet, static_cast<std::uint16_t>(Opcode::oack));
    for (const auto& option : accepted) {
        append_string(packet, option.name);
        append_string(packet, option.value);
    }
    return packet;
}

std::vector<std::byte> build_error(Refusal refusal) {
    std::vector<std::byte> packet;
    append_u16(packet, static_cast<std::uint16_t>(Opcode::error));
    append_u16(packet, static_cast<std::uint16_t>(refusal.code));
    append_string(packet, refusal.text.substr(0, max_error_text));
    return packet;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

} // namespace bootview::tftp
