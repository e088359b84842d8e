#include "common/port_holder.h"

#include "common/read_whole.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>
#include <system_error>

namespace bootview {

namespace {

namespace fs = std::filesystem;

template<typename Number>
bool parse(std::string_view text, Number& value, int base) {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

// Which of the sockets `inodes` this process has open.
std::set<std::uint64_t> held_by(const fs::path& process, const std::set<std::uint64_t>& inodes) {
    std::set<std::uint64_t> held;
    std::error_code ignored; // processes of others can't be looked into, and some end meanwhile
    for (const auto& entry : fs::directory_iterator(process / "fd", ignored)) {
        const std::string target = fs::read_symlink(entry.path(), ignored).string();
        constexpr std::string_view prefix = "socket:[";
        std::uint64_t inode = 0;
        if (target.starts_with(prefix) && target.ends_with(']') &&
            parse(std::string_view(target).substr(prefix.size(), target.size() - prefix.size() - 1),
                  inode, 10) &&
            inodes.contains(inode))
            held.insert(inode);
    }
    return held;
}

PortHolder describe(const fs::path& process, pid_t pid) {
    PortHolder holder{pid, read_whole(process / "comm"), {}};
    while (holder.name.ends_with('\n'))
        holder.name.pop_back();
    std::istringstream words(read_whole(process / "cmdline"));
    for (std::string word; std::getline(words, word, '\0');)
        holder.arguments.push_back(word);
    return holder;
}

} // namespace

std::vector<std::uint64_t> sockets_on_port(std::string_view table, std::uint16_t port,
                                           Transport transport) {
    constexpr std::string_view tcp_listen = "0A";
    std::vector<std::uint64_t> inodes;
    std::istringstream lines{std::string(table)};
    std::string line;
    std::getline(lines, line); // the headings
    while (std::getline(lines, line)) {
        // sl local:port remote:port state queues timer retransmits uid timeout inode
        std::istringstream fields(line);
        std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
        if (words.size() < 10)
            continue;
        const auto colon = words[1].rfind(':');
        std::uint16_t local_port = 0;
        std::uint64_t inode = 0;
        if (colon == std::string::npos ||
            !parse(std::string_view(words[1]).substr(colon + 1), local_port, 16) ||
            local_port != port || !parse(std::string_view(words[9]), inode, 10))
            continue;
        if (transport == Transport::tcp && words[3] != tcp_listen)
            continue;
        inodes.push_back(inode);
    }
    return inodes;
}

PortHolders find_port_holders(std::uint16_t port, Transport transport) {
    std::set<std::uint64_t> inodes;
    for (const char* family : {"", "6"}) {
        const std::string table = transport == Transport::tcp ? "tcp" : "udp";
        const auto found =
            sockets_on_port(read_whole("/proc/net/" + table + family), port, transport);
        inodes.insert(found.begin(), found.end());
    }
    PortHolders holders;
    if (inodes.empty())
        return holders;
    std::set<std::uint64_t> unknown = inodes;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
        pid_t pid = 0;
        if (!parse(std::string_view(entry.path().filename().native()), pid, 10))
            continue;
        const auto held = held_by(entry.path(), inodes);
        if (held.empty())
            continue;
        holders.known.push_back(describe(entry.path(), pid));
        for (const std::uint64_t inode : held)
            unknown.erase(inode);
    }
    holders.others = !unknown.empty();
    return holders;
}

std::optional<PortHolder> find_port_holder(std::uint16_t port, Transport transport) {
    const auto holders = find_port_holders(port, transport).known;
    if (holders.empty())
        return std::nullopt;
    // `bootview serve` holds the socket together with the nbdkit that uses it: name bootview,
    // because it is the one to stop.
    const auto bootview =
        std::find_if(holders.begin(), holders.end(),
                     [](const PortHolder& holder) { return holder.name == "bootview"; });
    return bootview != holders.end() ? *bootview : holders.back();
}

} // namespace bootview
