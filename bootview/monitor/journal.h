// Writes what happens to clients into systemd's journal, with fields to search by (the native
// protocol, systemd's JOURNAL_NATIVE_PROTOCOL): BOOTVIEW_CLIENT, _MAC, _ADDRESS, _SERIAL, _EVENT, …
#pragma once

#include "bootview/monitor/client.h"
#include "common/descriptor.h"

#include <optional>
#include <string>

namespace bootview::monitor {

// One datagram: MESSAGE and the fields, each on a line.
std::string journal_record(const Client& client, const Entry& entry);

class Journal {
public:
    // Nothing, if our own output does not go there.
    static std::optional<Journal> of_this_service();

    void write(const Client& client, const Entry& entry) const;

private:
    explicit Journal(Descriptor socket) : socket_(std::move(socket)) {}

    Descriptor socket_;
};

} // namespace bootview::monitor
