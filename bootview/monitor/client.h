// A machine that boots, and what happened to it, one boot after the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::monitor {

using Time = std::chrono::system_clock::time_point;

enum class Happened {
    offer,       // DHCP told it what to load
    file,        // it loaded one, or tried to
    refused,     // it asked for some in a row that it did not get, as firmware does that searches
    disk,        // it connected to an export
    first_write, // and wrote to it
    closed,      // and closed the connection
};

std::string_view to_string(Happened happened); // "offer", "file", "refused", "disk", …

struct Entry {
    Time when{};
    unsigned boot = 0; // the client's, from 1
    Happened happened = Happened::offer;
    std::string what = {}; // what was offered; the file, or the last of them; the export
    std::vector<std::string> names = {}; // of files that were refused, the last ones
    std::size_t count = 0;               // of them all
    // Of a file: its outcome as events::Transfer has it, and bytes sent; if it was refused, why. Of
    // a connection that was closed: "closed", "server-gone", or "cut-off" where the machine booted
    // anew without a word; bytes read and written.
    std::string outcome = {};
    std::uint64_t bytes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t retransmits = 0;
    double seconds = 0;
};

inline constexpr std::size_t most_names = 40; // of files that were refused

// "loaded kernel8.img: 8.1 MB in 1.20 s, 6.8 MB/s, 2 retransmits".
std::string describe(const Entry& entry);

enum class State { asked, loading, running, off };
std::string_view to_string(State state);

struct Client {
    // Empty: not known.
    std::string mac = {};
    std::string address = {}; // the one it had last
    std::string serial = {};
    std::string name = {}; // of its [[client]]
    std::string machine = {};

    State state = State::asked;
    unsigned boots = 0;
    Time last_seen{};
    std::deque<Entry> timeline = {}; // the oldest first

    // What it is called by: its name, else its serial number, MAC or address.
    const std::string& key() const;
    // Whether somebody who types `text` means it: any of the above, a MAC or serial number in any
    // notation.
    bool is_called(std::string_view text) const;
};

} // namespace bootview::monitor
