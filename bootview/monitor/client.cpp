#include "bootview/monitor/client.h"

#include "bootview/monitor/amount.h"
#include "common/board_name.h"
#include "common/lower_case.h"

#include <algorithm>

#include <fmt/format.h>

namespace bootview::monitor {

namespace {

std::string describe_file(const Entry& entry) {
    std::string text = entry.outcome == "finished" ? "loaded " : "did not get ";
    text += entry.what;
    if (entry.outcome == "finished") {
        text += fmt::format(": {} in {:.2f} s", amount(entry.bytes), entry.seconds);
        if (entry.seconds > 0 && entry.bytes >= 100'000)
            text += fmt::format(", {:.1f} MB/s",
                                static_cast<double>(entry.bytes) / 1e6 / entry.seconds);
    } else {
        const std::string why = entry.outcome == "client-left"     ? "it ended the transfer"
                                : entry.outcome == "client-silent" ? "it fell silent"
                                : entry.outcome == "file-failed"   ? "the file changed, or failed"
                                                                   : "the server stopped";
        text += fmt::format(": {} after {} and {:.2f} s", why, amount(entry.bytes), entry.seconds);
    }
    if (entry.retransmits != 0)
        text += fmt::format(", {} retransmits", entry.retransmits);
    return text;
}

// The last names: what firmware asks for last is what it gave up on.
std::string describe_refused(const Entry& entry) {
    if (entry.count == 1)
        return fmt::format("did not get {}: {}", entry.what, entry.outcome);
    const auto shown = std::min(entry.names.size(), std::size_t{3});
    const std::vector<std::string> last(entry.names.end() - static_cast<std::ptrdiff_t>(shown),
                                        entry.names.end());
    return fmt::format("did not get {} files, {}{}: {}", entry.count,
                       shown < entry.count ? "at last " : "", fmt::join(last, ", "), entry.outcome);
}

} // namespace

std::string_view to_string(Happened happened) {
    switch (happened) {
    case Happened::offer:
        return "offer";
    case Happened::file:
        return "file";
    case Happened::refused:
        return "refused";
    case Happened::disk:
        return "disk";
    case Happened::first_write:
        return "first-write";
    case Happened::closed:
        break;
    }
    return "closed";
}

std::string_view to_string(State state) {
    switch (state) {
    case State::asked:
        return "asked";
    case State::loading:
        return "loading";
    case State::running:
        return "running";
    case State::off:
        break;
    }
    return "off";
}

std::string describe(const Entry& entry) {
    switch (entry.happened) {
    case Happened::offer:
        return "was offered " + entry.what;
    case Happened::file:
        return describe_file(entry);
    case Happened::refused:
        return describe_refused(entry);
    case Happened::disk:
        return "opened disk " + entry.what;
    case Happened::first_write:
        return "wrote to disk " + entry.what + " for the first time";
    case Happened::closed:
        break;
    }
    return fmt::format("{} disk {}: {} read, {} written",
                       entry.outcome == "server-gone" ? "lost"
                       : entry.outcome == "cut-off"   ? "left without closing"
                                                      : "closed",
                       entry.what, amount(entry.bytes), amount(entry.written_bytes));
}

const std::string& Client::key() const {
    for (const auto* text : {&name, &serial, &mac})
        if (!text->empty())
            return *text;
    return address;
}

bool Client::is_called(std::string_view text) const {
    if (text.empty())
        return false;
    if (text == address || lower_case(std::string(text)) == lower_case(name))
        return true;
    const auto board = BoardName::from_text(text);
    return board && (board == BoardName::from_text(mac) || board == BoardName::from_text(serial));
}

} // namespace bootview::monitor
