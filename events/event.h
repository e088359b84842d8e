// What the parts of a boot server tell about the machines they serve: an offer by DHCP, a file by
// TFTP, a disk by NBD, and how a view of an image keeps up with it.
//
//     tftp-bridge ── offer, transfer ─┐
//     nbdkit plugin ── session ───────┼─▶ $BOOTVIEW_EVENTS ─▶ bootview monitor:
//     fuse-fatimg ── view ────────────┘   (sender.h, listener.h)    status, log, metrics
//
// Nobody needs to listen, and nobody who tells waits for it. An event is one JSON object in one
// packet, with the key "event" and the members below as the other keys; bootview-events(7)
// documents it. A listener passes over events and keys that it doesn't know, and takes the default
// for keys that are missing: so parts of different versions understand each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace bootview::events {

// A machine that boots from the network was told by DHCP what to load.
struct Offer {
    std::string mac = {};       // "52:54:00:12:34:56"
    std::string name = {};      // of its [[client]]; empty: has none
    std::string serial = {};    // of a Raspberry Pi: 8 hexadecimal digits
    std::string machine = {};   // "bios", "uefi x64", …
    std::string interface = {}; // where it asked
    std::string offered = {};   // for people: the file, the address, the menu
    bool operator==(const Offer&) const = default;
};

// A file on its way to a client. Told when it begins, and when it has ended; or once, when it did
// not begin at all.
struct Transfer {
    std::uint64_t id = 0; // the sender's own; the same in all that is told about one transfer, and
                          // 0 if it did not begin
    std::string client = {}; // address
    std::string mac = {};    // empty: not known
    std::string name = {};   // of its [[client]]
    std::string serial = {};
    std::string file = {};    // as the client asked for it
    std::string outcome = {}; // "running", "finished", "size-only", "client-left", "client-silent",
                              // "file-failed", "stopped" or "refused"
    std::string why = {};     // it was refused, as the client was told: "file not found"
    std::uint64_t length = 0; // of the file, in bytes
    std::uint64_t sent = 0;   // bytes, repeated packets too
    std::uint64_t retransmits = 0;
    double seconds = 0;
    bool operator==(const Transfer&) const = default;
};

// A client's connection to an export. Told when it is opened, at the first write, then at most once
// in a second as long as it does something, and when it is closed: always everything, so that who
// begins to listen later learns it all. One that was refused is told once, and of a client that
// tries again and again once a minute.
struct Session {
    std::uint64_t id = 0;
    std::string client = {};      // address; empty: not by IP
    std::string export_name = {}; // empty: the one that has no name
    std::string image = {};       // path; empty: it is no file
    std::string state = {};       // "opened", "active", "closed", or "refused": it did not begin
    std::string why = {};         // it was refused: "written by 192.0.2.5 since 12:03:05; ..."
    bool writable = false;        // the client may write
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0; // zeroed and trimmed ones too
    std::uint64_t flushes = 0;       // also those of writes with FUA
    double flush_seconds = 0;        // all of them together
    double seconds = 0;              // since it was opened
    bool operator==(const Session&) const = default;
};

// An image whose files are shown. Told when its mode changes, and at most once in a second when
// something else did.
struct View {
    std::string image = {};
    std::string mountpoint = {};
    std::string mode = {};        // "attached", "poll", or "gone": it is shown no more
    std::uint64_t generation = 0; // changes of what is shown
    std::uint64_t stale = 0;      // requests that got ESTALE: their file had changed
    std::uint64_t overflows = 0;  // times that the change ring went faster than the view
    std::uint64_t waits = 0;      // requests that waited for a client to finish what it was writing
    bool operator==(const View&) const = default;
};

using Event = std::variant<Offer, Transfer, Session, View>;

// The longest that is sent, or read, in bytes. Names in it are cut rather than that.
inline constexpr std::size_t longest = 4096;

// One line of JSON. Bytes that are not UTF-8 become U+FFFD.
std::string to_json(const Event& event);
// Nothing: it is no event that is known here.
std::optional<Event> from_json(std::string_view text);

} // namespace bootview::events
