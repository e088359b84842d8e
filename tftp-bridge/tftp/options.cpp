#include "tftp-bridge/tftp/options.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace bootview::tftp {
namespace {

// A decimal number; a larger one than fits is the largest (it is clamped anyway).
std::optional<std::uint64_t> parse_number(std::string_view text) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    if (text.empty())
        return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        number = number > (most - digit) / 10 ? most : number * 10 + digit;
    }
    return number;
}

bool already_accepted(const Negotiated& result, std::string_view name) {
    return std::any_of(result.accepted.begin(), result.accepted.end(),
                       [&](const auto& a) { return equal_ignoring_case(a.name, name); });
}

// The value of one option to be sent back, or nothing to leave it out, or a refusal.
using Answer = std::variant<std::monostate, std::uint64_t, Refusal>;

struct Context {
    std::uint64_t length;
    const OptionLimits& limits;
};

Answer answer_blksize(std::uint64_t asked, const Context& context, Negotiated& result) {
    if (asked < min_block_size)
        return Refusal{ErrorCode::bad_option, "blksize is below 8"};
    const std::uint64_t most = std::max(context.limits.block_size, min_block_size);
    result.block_size = static_cast<std::uint32_t>(std::min(asked, most));
    return std::uint64_t{result.block_size};
}

// tftpd-hpa's: a power of two, the largest one that is not above what was asked.
Answer answer_blksize2(std::uint64_t asked, const Context& context, Negotiated& result) {
    const std::uint64_t most = std::max(context.limits.block_size, min_block_size);
    if (asked < default_block_size || most < default_block_size)
        return std::monostate{};
    const auto size = std::bit_floor(std::min({asked, most, std::uint64_t{32768}}));
    if (!already_accepted(result, "blksize"))
        result.block_size = static_cast<std::uint32_t>(size);
    return size;
}

// The value in the request should be 0 (RFC 2349); whatever it is, the answer is the size.
Answer answer_tsize(std::uint64_t, const Context& context, Negotiated&) {
    return context.length;
}

Answer answer_timeout(std::uint64_t asked, const Context&, Negotiated& result) {
    if (asked < 1 || asked > 255)
        return std::monostate{};
    result.timeout = std::chrono::seconds(asked);
    return asked;
}

Answer answer_utimeout(std::uint64_t asked, const Context&, Negotiated& result) {
    if (asked < 10'000 || asked > 255'000'000)
        return std::monostate{};
    result.timeout = std::chrono::microseconds(asked);
    return asked;
}

Answer answer_windowsize(std::uint64_t asked, const Context& context, Negotiated& result) {
    if (asked < 1)
        return std::monostate{};
    const std::uint64_t most = std::max<std::uint32_t>(context.limits.window_size, 1);
    result.window_size = static_cast<std::uint32_t>(std::min(asked, most));
    return std::uint64_t{result.window_size};
}

Answer answer_rollover(std::uint64_t asked, const Context&, Negotiated& result) {
    if (asked > 1)
        return std::monostate{};
    result.rollover = asked == 1 ? Rollover::to_one : Rollover::to_zero;
    return asked;
}

struct KnownOption {
    std::string_view name;
    Answer (*answer)(std::uint64_t, const Context&, Negotiated&);
};

constexpr KnownOption known_options[] = {
    {"blksize", answer_blksize},       // RFC 2348
    {"blksize2", answer_blksize2},     // tftpd-hpa
    {"tsize", answer_tsize},           // RFC 2349
    {"timeout", answer_timeout},       // RFC 2349, seconds
    {"utimeout", answer_utimeout},     // tftpd-hpa, microseconds
    {"windowsize", answer_windowsize}, // RFC 7440
    {"rollover", answer_rollover},     // tftpd-hpa
};

const KnownOption* find_known(std::string_view name) {
    for (const auto& known : known_options)
        if (equal_ignoring_case(known.name, name))
            return &known;
    return nullptr;
}

// With both kinds of timeout, the finer one counts and is the only one acknowledged.
void keep_finer_timeout(Negotiated& result) {
    if (!already_accepted(result, "utimeout"))
        return;
    std::erase_if(result.accepted,
                  [](const auto& a) { return equal_ignoring_case(a.name, "timeout"); });
    for (const auto& a : result.accepted)
        if (equal_ignoring_case(a.name, "utimeout"))
            result.timeout = std::chrono::microseconds(*parse_number(a.value));
}

} // namespace

std::variant<Negotiated, Refusal> negotiate(const OptionList& asked, std::uint64_t length,
                                            const OptionLimits& limits) {
    Negotiated result;
    const Context context{length, limits};
    for (const auto& option : asked) {
        const auto* known = find_known(option.name);
        const auto value = parse_number(option.value);
        if (!known || !value || already_accepted(result, option.name))
            continue;
        const auto answer = known->answer(*value, context, result);
        if (const auto* refusal = std::get_if<Refusal>(&answer))
            return *refusal;
        if (const auto* number = std::get_if<std::uint64_t>(&answer))
            result.accepted.push_back({std::string(option.name), std::to_string(*number)});
    }
    keep_finer_timeout(result);
    if (already_accepted(result, "blksize"))
        std::erase_if(result.accepted,
                      [](const auto& a) { return equal_ignoring_case(a.name, "blksize2"); });
    return result;
}

std::vector<std::byte> build_oack(const Negotiated& negotiated) {
    std::vector<Option> options;
    for (const auto& a : negotiated.accepted)
        options.push_back({a.name, a.value});
    return build_oack(options);
}

} // namespace bootview::tftp
