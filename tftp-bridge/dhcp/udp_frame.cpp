#include "tftp-bridge/dhcp/udp_frame.h"

#include "tftp-bridge/dhcp/big_endian.h"

#include <algorithm>

namespace bootview::dhcp {
namespace {

constexpr std::size_t ip_header = 20;
constexpr std::size_t udp_header = 8;
constexpr std::uint8_t udp = 17;

Ipv4 read_address(Bytes from, std::size_t at) {
    return {read_u32(from, at)};
}

void write_address(std::vector<std::uint8_t>& to, std::size_t at, Ipv4 address) {
    write_u32(to, at, address.value);
}

// RFC 1071: the sum of 16-bit words, an odd last byte padded.
std::uint32_t sum(Bytes bytes, std::uint32_t start = 0) {
    for (std::size_t at = 0; at < bytes.size(); at += 2)
        start += static_cast<std::uint32_t>(bytes[at] << 8) +
                 (at + 1 < bytes.size() ? bytes[at + 1] : 0U);
    return start;
}

std::uint16_t folded(std::uint32_t value) {
    while (value >> 16)
        value = (value & 0xffff) + (value >> 16);
    return static_cast<std::uint16_t>(~value & 0xffff);
}

} // namespace

std::optional<UdpFrame> parse_udp_frame(Bytes packet) {
    if (packet.size() < ip_header || packet[0] >> 4 != 4 || packet[9] != udp ||
        (read_u16(packet, 6) & 0x3fff) != 0) // more fragments, or not the first
        return std::nullopt;
    const std::size_t header = std::size_t{packet[0] & 0x0fU} * 4;
    const std::size_t total = read_u16(packet, 2);
    if (header < ip_header || total > packet.size() || total < header + udp_header)
        return std::nullopt;
    const auto segment = packet.subspan(header, total - header);
    const std::size_t length = read_u16(segment, 4);
    if (length < udp_header || length > segment.size())
        return std::nullopt;
    return UdpFrame{read_address(packet, 12), read_u16(segment, 0), read_address(packet, 16),
                    read_u16(segment, 2), segment.subspan(udp_header, length - udp_header)};
}

std::vector<std::uint8_t> build_udp_frame(const UdpFrame& frame) {
    std::vector<std::uint8_t> packet(ip_header + udp_header + frame.payload.size());
    std::copy(frame.payload.begin(), frame.payload.end(), packet.begin() + ip_header + udp_header);
    packet[0] = 4 << 4 | ip_header / 4;
    packet[1] = 0xc0; // network control, as DHCP servers do
    write_u16(packet, 2, static_cast<std::uint16_t>(packet.size()));
    packet[8] = 64; // time to live
    packet[9] = udp;
    write_address(packet, 12, frame.from);
    write_address(packet, 16, frame.to);
    write_u16(packet, 10, folded(sum(Bytes(packet).first(ip_header))));

    const auto length = static_cast<std::uint16_t>(udp_header + frame.payload.size());
    write_u16(packet, ip_header, frame.from_port);
    write_u16(packet, ip_header + 2, frame.to_port);
    write_u16(packet, ip_header + 4, length);
    // RFC 768: over a pseudo header of both addresses, the protocol and the length, too.
    const auto pseudo = sum(Bytes(packet).subspan(12, 8)) + udp + length;
    const auto checksum = folded(sum(Bytes(packet).subspan(ip_header), pseudo));
    write_u16(packet, ip_header + 6, checksum == 0 ? 0xffff : checksum);
    return packet;
}

} // namespace bootview::dhcp
