// The TFTP packets (RFC 1350 §5, RFC 2347): bytes in, values out, and back. Pure, no I/O.
//
// Parsed values are views into the datagram they came from and live as long as it does. Nothing
// here reads past the span it is given or allocates, except the builders of the rare OACK and
// ERROR.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::tftp {

using Bytes = std::span<const std::byte>;

// RFC 1350 §5; OACK: RFC 2347.
enum class Opcode : std::uint16_t { rrq = 1, wrq = 2, data = 3, ack = 4, error = 5, oack = 6 };

// RFC 1350 appendix; 8: RFC 2347.
enum class ErrorCode : std::uint16_t {
    undefined = 0,
    not_found = 1,
    access_violation = 2,
    illegal_operation = 4,
    unknown_transfer = 5,
    bad_option = 8,
};

// Why a client does not get what it asked for, as the ERROR packet will say it. The text is at most
// 63 ASCII characters, without '%' (GRUB uses it as a format string) and without paths of the
// server.
struct Refusal {
    ErrorCode code = ErrorCode::undefined;
    std::string_view text;
    bool operator==(const Refusal&) const = default;
};

struct Option {
    std::string_view name;
    std::string_view value;
    bool operator==(const Option&) const = default;
};

// The options of a request, in its order. More than any client sends; what goes beyond is ignored,
// as an unknown option would be.
class OptionList {
public:
    static constexpr std::size_t capacity = 16;

    void add(Option option) {
        if (size_ < capacity)
            options_[size_++] = option;
    }
    const Option* begin() const { return options_.data(); }
    const Option* end() const { return options_.data() + size_; }
    std::size_t size() const { return size_; }

private:
    std::array<Option, capacity> options_;
    std::size_t size_ = 0;
};

struct Request {
    Opcode opcode = Opcode::rrq; // rrq or wrq
    std::string_view name;
    std::string_view mode;
    OptionList options;
};

struct ErrorMessage {
    std::uint16_t code = 0;
    std::string_view text;
};

// RFC 2347 limits a request to 512 octets; we read up to this many and drop what is longer.
inline constexpr std::size_t max_request_bytes = 2048;
inline constexpr std::size_t data_header_bytes = 4;
inline constexpr std::size_t max_error_text = 63;

// The raw opcode, known or not; nothing when there are not even two bytes.
std::optional<std::uint16_t> parse_opcode(Bytes datagram);

// A read or write request. Nothing when the name or the mode is not terminated. A last option
// without a terminated value is left out: some firmware sends garbage behind the last option.
std::optional<Request> parse_request(Bytes datagram);

// The block number. Longer ACKs are accepted: Windows appends a byte (its "msftwindow" option).
std::optional<std::uint16_t> parse_ack(Bytes datagram);

// The text may be unterminated or missing; then it is what there is.
std::optional<ErrorMessage> parse_error(Bytes datagram);

void write_data_header(std::span<std::byte, data_header_bytes> header, std::uint16_t block);
std::vector<std::byte> build_oack(std::span<const Option> accepted);
std::vector<std::byte> build_error(Refusal refusal);

// Option names, option values and modes know no case (RFC 1350 §5, RFC 2347).
bool equal_ignoring_case(std::string_view a, std::string_view b);

} // namespace bootview::tftp
