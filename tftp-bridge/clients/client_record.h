// A [[client]] of the configuration file: which machine, and what it gets. A value.
#pragma once

#include "tftp-bridge/dhcp/address.h"
#include "tftp-bridge/dhcp/machine.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::clients {

// "192.0.2.7" or "192.0.2.0/24".
struct AddressRange {
    dhcp::Ipv4 first;
    unsigned prefix_length = 32;

    bool contains(dhcp::Ipv4 address) const;
    bool operator==(const AddressRange&) const = default;
    static std::optional<AddressRange> from_text(std::string_view text);
};

// serial, mac, uuid, ip and prefix each suffice to know the machine by; a range of addresses comes
// after those. architectures narrows: one that is known to be another is not meant.
struct ClientRecord {
    std::string name; // for the log
    unsigned line = 0;
    std::optional<std::string> serial; // 8 lower-case hex digits
    std::optional<dhcp::Mac> mac;
    std::optional<dhcp::Uuid> uuid; // the bytes in the order of the text
    std::optional<AddressRange> ip;
    std::string prefix; // what a Raspberry Pi with TFTP_PREFIX=1 puts before its names, without '/'
    std::vector<dhcp::Architecture> architectures;

    std::string root; // absolute, or below --root; empty: no root of its own
    std::string boot_file;
    std::string ipxe_script;
    std::string http_boot;
};

// What can be known about a machine at some moment.
struct Identity {
    std::optional<dhcp::Ipv4> address = {};
    std::optional<dhcp::Mac> mac = {};
    std::optional<std::string> serial = {};
    std::optional<dhcp::Uuid> uuid = {};
    std::optional<dhcp::Architecture> architecture = {};
};

// The record that is meant, or null: the first with the machine's serial, MAC, UUID or address;
// else the first with its range of addresses or its architecture.
const ClientRecord* find_record(const std::vector<ClientRecord>& records, const Identity& identity);

// The last 8 hex digits of a serial number, in lower case, as a Pi asks for them. It has 8 or 16
// digits, or stands behind "0x".
std::optional<std::string> serial_from_text(std::string_view text);
std::optional<dhcp::Uuid> uuid_from_text(std::string_view text);

} // namespace bootview::clients
