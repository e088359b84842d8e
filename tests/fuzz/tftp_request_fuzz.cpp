// Datagrams that reach the TFTP server, and what is answered to their options.
//
// Input: the length of the file (8 bytes), the server's limits (2 and 2 bytes); then a datagram.
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input.h"
#include "tftp-bridge/tftp/options.h"
#include "tftp-bridge/tftp/packet.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>

using namespace bootview::fuzz;
using namespace bootview::tftp;

namespace {

void check_inside(std::string_view text, Bytes datagram) {
    const auto* begin = reinterpret_cast<const char*>(datagram.data());
    require(text.empty() ||
                (text.data() >= begin && text.data() + text.size() <= begin + datagram.size()),
            "what was parsed lies inside of the datagram");
    require(text.find('\0') == std::string_view::npos, "a string ends at its NUL");
}

void check_refusal(const Refusal& refusal) {
    require(!refusal.text.empty() && refusal.text.size() <= max_error_text &&
                std::all_of(refusal.text.begin(), refusal.text.end(),
                            [](char c) { return c >= ' ' && c < 127 && c != '%'; }),
            "a refusal says why, in a text that every client can show");
    const auto packet = build_error(refusal);
    const auto parsed = parse_error(packet);
    require(parsed && parsed->text == refusal.text, "an ERROR packet says what it was made from");
}

void check_answer(const Negotiated& answer, const Request& request, const OptionLimits& limits) {
    require(answer.block_size >= min_block_size &&
                (answer.block_size <= limits.block_size ||
                 answer.block_size == default_block_size || answer.block_size == min_block_size),
            "the block size is within the limits");
    require(answer.window_size >= 1 &&
                (answer.window_size <= limits.window_size || answer.window_size == 1),
            "the window is within the limits");
    require(!answer.timeout ||
                (answer.timeout->count() >= 10'000 && answer.timeout->count() <= 255'000'000),
            "a timeout is from 10 ms to 255 s");
    const Option* from = request.options.begin();
    for (const AcceptedOption& accepted : answer.accepted) {
        from = std::find_if(from, request.options.end(),
                            [&](const Option& asked) { return asked.name == accepted.name; });
        require(from != request.options.end(),
                "only what was asked for is answered, in its order and spelling");
        ++from;
        require(!accepted.value.empty(), "an answer has a value");
    }
    // Made into a packet and read as a request is, it is the same.
    const auto packet = build_oack(answer);
    require(packet.size() <= 2 + 2 * max_request_bytes, "an OACK is no longer than a request");
    require(parse_opcode(packet) == static_cast<std::uint16_t>(Opcode::oack), "an OACK is one");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    const std::uint64_t length = input.u64();
    OptionLimits limits;
    limits.block_size = input.u16();
    limits.window_size = input.u16();
    const Bytes datagram = input.rest().first(std::min(input.rest().size(), max_request_bytes));

    parse_opcode(datagram);
    parse_ack(datagram);
    if (const auto error = parse_error(datagram))
        check_inside(error->text, datagram);
    const auto request = parse_request(datagram);
    if (!request)
        return 0;
    check_inside(request->name, datagram);
    check_inside(request->mode, datagram);
    require(request->options.size() <= OptionList::capacity, "the options are bounded");
    for (const Option& option : request->options) {
        check_inside(option.name, datagram);
        check_inside(option.value, datagram);
    }
    const auto answer = negotiate(request->options, length, limits);
    if (const auto* refusal = std::get_if<Refusal>(&answer))
        check_refusal(*refusal);
    else
        check_answer(std::get<Negotiated>(answer), *request, limits);
    return 0;
}
