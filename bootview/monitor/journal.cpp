#include "bootview/monitor/journal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace bootview::monitor {

namespace {

constexpr std::string_view journal_socket = "/run/systemd/journal/socket";

void add(std::string& record, std::string_view field, std::string value) {
    if (value.empty())
        return;
    // The end of a line would be the end of the field.
    std::replace(value.begin(), value.end(), '\n', ' ');
    record += fmt::format("{}={}\n", field, value);
}

} // namespace

std::string journal_record(const Client& client, const Entry& entry) {
    std::string record;
    add(record, "MESSAGE", client.key() + " " + describe(entry));
    add(record, "PRIORITY", "6");
    add(record, "SYSLOG_IDENTIFIER", "bootview");
    add(record, "BOOTVIEW_CLIENT", client.key());
    add(record, "BOOTVIEW_NAME", client.name);
    add(record, "BOOTVIEW_SERIAL", client.serial);
    add(record, "BOOTVIEW_MAC", client.mac);
    add(record, "BOOTVIEW_ADDRESS", client.address);
    add(record, "BOOTVIEW_BOOT", std::to_string(entry.boot));
    add(record, "BOOTVIEW_EVENT", std::string(to_string(entry.happened)));
    add(record, "BOOTVIEW_WHAT", entry.what);
    add(record, "BOOTVIEW_OUTCOME", entry.outcome);
    if (entry.happened == Happened::file) {
        add(record, "BOOTVIEW_BYTES", std::to_string(entry.bytes));
        add(record, "BOOTVIEW_SECONDS", fmt::format("{:.3f}", entry.seconds));
        add(record, "BOOTVIEW_RETRANSMITS", std::to_string(entry.retransmits));
    }
    return record;
}

std::optional<Journal> Journal::of_this_service() {
    // Set by the service manager for those whose output it takes (systemd.exec(5)).
    if (std::getenv("JOURNAL_STREAM") == nullptr) // NOLINT(concurrency-mt-unsafe): one thread
        return std::nullopt;
    Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return socket ? std::optional<Journal>(Journal(std::move(socket))) : std::nullopt;
}

void Journal::write(const Client& client, const Entry& entry) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    journal_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto record = journal_record(client, entry);
    // A journal that is being started again loses it; memory has it still.
    ::sendto(socket_.get(), record.data(), record.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

} // namespace bootview::monitor
