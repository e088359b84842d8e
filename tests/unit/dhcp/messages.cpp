#include "messages.h"

#include <fmt/format.h>

#include <stdexcept>

namespace bootview::dhcp {
namespace {

constexpr std::string_view text_pxe_bios = "3c 20" // option 60
                                           "505845436c69656e743a417263683a30303030303a554e44493a"
                                           "303032303031";

int digit(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto at = digits.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string pi_options(std::string_view list, std::string_view identifier) {
    return fmt::format("35 01 01 37 {} 5d 02 0000 5e 03 010201 61 11 {} {}", list, identifier,
                       text_pxe_bios);
}

Message with_hardware(Message message, std::uint8_t last, Mac mac) {
    mac.bytes[5] = last;
    std::copy(mac.bytes.begin(), mac.bytes.end(), message.hardware.begin());
    return message;
}

const Mac raspberry{{0xdc, 0xa6, 0x32, 0x01, 0x36, 0}};
const Mac pc{{0x52, 0x54, 0, 0x12, 0x34, 0}};

} // namespace

std::vector<std::uint8_t> from_hex(std::string_view digits) {
    std::vector<std::uint8_t> bytes;
    int high = -1;
    for (const char c : digits) {
        const int value = digit(c);
        if (value < 0)
            continue;
        if (high < 0) {
            high = value;
            continue;
        }
        bytes.push_back(static_cast<std::uint8_t>(high << 4 | value));
        high = -1;
    }
    if (high >= 0)
        throw std::logic_error("an odd number of digits");
    return bytes;
}

std::string to_hex(Bytes bytes) {
    std::string text;
    for (const auto byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

Message request_with(std::string_view options_in_hex) {
    Message message;
    message.transaction = 0x26f30339;
    auto packet = write_message(message);
    packet.resize(240);
    for (const auto byte : from_hex(options_in_hex))
        packet.push_back(byte);
    packet.push_back(0xff);
    const auto parsed = parse_message(packet);
    if (!parsed)
        throw std::logic_error("not a message");
    return *parsed;
}

std::string options_of(Bytes packet) {
    std::string text;
    for (std::size_t at = 240; at < packet.size();) {
        const auto code = packet[at++];
        if (code == 0xff)
            return text;
        if (at == packet.size() || packet[at] > packet.size() - at - 1)
            break;
        const std::size_t length = packet[at++];
        text += fmt::format("{}{}:{}", text.empty() ? "" : " ", code,
                            to_hex(packet.subspan(at, length)));
        at += length;
    }
    return text + "?";
}

Message pi_3() {
    return with_hardware(request_with(pi_options("0c 2b3c43808182838485868742",
                                                 "00 44444444444444444444444444444444")),
                         3, raspberry);
}

Message pi_3_plus() {
    return with_hardware(request_with(pi_options("0e 01032b3c43808182838485868742",
                                                 "00 effdfe9feffdfe9feffdfe9feffdfe9f")),
                         0x13, raspberry);
}

Message pi_4() {
    return with_hardware(request_with(pi_options("0e 01032b3c43808182838485868742",
                                                 "00 52506934 1431c000 320136c2 d4c3b2a1")),
                         0xc2, raspberry);
}

Message pi_5() {
    return with_hardware(request_with(pi_options("0e 01032b3c43808182838485868742",
                                                 "00 52506935 7041c100 320136c5 d5c3b2a1")),
                         0xc5, raspberry);
}

Message pc_bios() {
    return with_hardware(
        request_with(fmt::format("35 01 01 39 02 05c0 37 05 01032b3c42"
                                 "61 11 00 00112233445566778899aabbccddeeff 5d 02 0000"
                                 "5e 03 010201 {}",
                                 text_pxe_bios)),
        0x55, pc);
}

Message ipxe_bios() {
    auto message = with_hardware(
        request_with(fmt::format("35 01 01 39 02 05c0 5d 02 0000 5e 03 010201 {} 4d 04 69505845"
                                 "37 17 010306070c0f111a2b3c4243778081828384858687afcb"
                                 "af 08 b105018086100eeb"
                                 "3d 07 01525400123456 61 11 00 00000000000000000000000000000000",
                                 text_pxe_bios)),
        0x56, pc);
    message.seconds = 4;
    return message;
}

Message edk2(std::uint16_t architecture) {
    const auto vendor_class = fmt::format("PXEClient:Arch:{:05}:UNDI:003000", architecture);
    auto message =
        with_hardware(request_with(fmt::format("35 01 01 39 02 05c0 37 06 0103060c2b3c"
                                               "61 11 00 00112233445566778899aabbccddee01"
                                               "5e 03 010300 5d 02 {:04x} 3c 20 {}",
                                               architecture, to_hex(value_of(vendor_class)))),
                      0x57, pc);
    message.flags = broadcast_flag;
    return message;
}

Message http_client(std::uint16_t architecture) {
    const auto vendor_class = fmt::format("HTTPClient:Arch:{:05}:UNDI:003001", architecture);
    return with_hardware(
        request_with(fmt::format("35 01 01 39 02 05c0 61 11 00 00112233445566778899aabbccddee02"
                                 "5e 03 010300 5d 02 {:04x} 3c 21 {}",
                                 architecture, to_hex(value_of(vendor_class)))),
        0x58, pc);
}

Message as_type(Message message, MessageType type, Ipv4 client) {
    for (auto& option : message.options)
        if (option.code == Code::message_type)
            option.value = {static_cast<std::uint8_t>(type)};
    message.client = client;
    message.flags = 0;
    return message;
}

} // namespace bootview::dhcp
