#include "tftp-bridge/boot_events.h"

#include "tftp-bridge/tftp/file_name.h"

#include <chrono>

namespace bootview {

namespace {

constexpr unsigned most_refusals_in_a_second = 200;

const char* text_of(tftp::Outcome outcome) {
    switch (outcome) {
    case tftp::Outcome::finished:
        return "finished";
    case tftp::Outcome::enough:
        return "size-only";
    case tftp::Outcome::client_left:
        return "client-left";
    case tftp::Outcome::gave_up:
        return "client-silent";
    case tftp::Outcome::file_failed:
        return "file-failed";
    case tftp::Outcome::forged:
    case tftp::Outcome::stopped:
    case tftp::Outcome::running:
        break;
    }
    return "stopped";
}

} // namespace

std::unique_ptr<BootEvents> BootEvents::from_environment(clients::Locator& locator) {
    auto sender = events::Sender::from_environment();
    return sender ? std::make_unique<BootEvents>(locator, std::move(sender)) : nullptr;
}

void BootEvents::offered(const dhcp::Machine& machine, const std::string& interface,
                         const std::string& what) {
    sender_->send(events::Offer{
        .mac = machine.mac.to_string(),
        .name = locator_.name_of(locator_.known().identity_of(machine.mac)),
        .serial = machine.serial.value_or(""),
        .machine = std::string(to_string(machine.boot_class)) + " " +
                   std::string(to_string(machine.architecture)),
        .interface = interface,
        .offered = what,
    });
}

events::Transfer BootEvents::describe(std::uint64_t id, const tftp::Endpoint& client,
                                      std::string_view file) {
    const auto identity = locator_.identify(client, file, std::chrono::steady_clock::now());
    events::Transfer event;
    event.id = id;
    event.client = client.address_to_string();
    event.mac = identity.mac ? identity.mac->to_string() : "";
    event.name = locator_.name_of(identity, file);
    event.serial = identity.serial.value_or("");
    event.file = file;
    return event;
}

void BootEvents::begun(const tftp::Begun& transfer) {
    auto event = describe(transfer.id, transfer.client, tftp::printable(transfer.name));
    event.outcome = "running";
    event.length = transfer.length;
    sender_->send(event);
}

void BootEvents::ended(const tftp::Ended& ended) {
    auto event = describe(ended.id, ended.client, ended.transfer.name());
    event.outcome = text_of(ended.transfer.outcome());
    event.length = ended.transfer.length();
    event.sent = ended.transfer.sent_bytes();
    event.retransmits = ended.transfer.repeated_packets();
    event.seconds = ended.transfer.duration().count();
    sender_->send(event);
}

void BootEvents::refused(const tftp::Refused& request) {
    const auto now = std::chrono::steady_clock::now();
    if (now - second_ >= std::chrono::seconds{1}) {
        second_ = now;
        refusals_in_it_ = 0;
    }
    if (++refusals_in_it_ > most_refusals_in_a_second)
        return;
    auto event = describe(0, request.client, tftp::printable(request.name));
    event.outcome = "refused";
    event.why = request.why;
    sender_->send(event);
}

} // namespace bootview
