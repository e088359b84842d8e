#include "tftp-bridge/tftp/metrics.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace bootview::tftp {
namespace {

void describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
    fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
}

void add(std::string& text, std::string_view name, std::string_view type, std::string_view help,
         std::uint64_t value) {
    describe(text, name, type, help);
    fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
}

} // namespace

std::string Metrics::to_text() const {
    std::string text;
    add(text, "bootview_tftp_requests_total", "counter", "Requests received.", requests);
    add(text, "bootview_tftp_requests_dropped_total", "counter",
        "Requests left unanswered because a limit was reached.", dropped_requests);
    add(text, "bootview_tftp_transfers_begun_total", "counter", "Transfers begun.",
        transfers_begun);
    describe(text, "bootview_tftp_transfers_ended_total", "counter", "Transfers ended.");
    const std::pair<std::string_view, std::uint64_t> outcomes[] = {
        {"finished", transfers_finished},  {"enough", transfers_enough},
        {"client_left", transfers_left},   {"client_silent", transfers_silent},
        {"file_failed", transfers_failed}, {"stopped", transfers_stopped},
        {"forged", transfers_forged}};
    for (const auto& [outcome, count] : outcomes)
        fmt::format_to(std::back_inserter(text),
                       "bootview_tftp_transfers_ended_total{{outcome=\"{}\"}} {}\n", outcome,
                       count);
    describe(text, "bootview_tftp_errors_total", "counter",
             "Requests refused, by TFTP error code.");
    for (std::size_t code = 0; code < errors.size(); ++code)
        fmt::format_to(std::back_inserter(text), "bootview_tftp_errors_total{{code=\"{}\"}} {}\n",
                       code, errors[code]);
    add(text, "bootview_tftp_sent_bytes_total", "counter",
        "Bytes of files sent by transfers that have ended.", sent_bytes);
    add(text, "bootview_tftp_retransmits_total", "counter",
        "Packets sent more than once by transfers that have ended.", repeated_packets);
    add(text, "bootview_tftp_chunks_read_total", "counter", "Reads of files, in chunks.",
        chunks_read);
    add(text, "bootview_tftp_transfers", "gauge", "Transfers running.", running);
    add(text, "bootview_tftp_cached_bytes", "gauge", "Bytes of files in memory.", cached_bytes);
    return text;
}

} // namespace bootview::tftp
