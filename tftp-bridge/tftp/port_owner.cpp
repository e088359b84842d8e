#include "port_owner.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace bootview::tftp {
namespace {

// Adds "socket:[INODE]" of each socket of this port in /proc/net/udp or udp6 (proc(5)).
void collect_sockets(const char* table, std::uint16_t port, std::vector<std::string>& sockets) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line); // the headings
    while (std::getline(file, line)) {
        // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
        std::istringstream fields(line);
        std::string slot, local, skipped, inode;
        fields >> slot >> local;
        for (int i = 0; i < 7; ++i)
            fields >> skipped;
        fields >> inode;
        if (local.ends_with(fmt::format(":{:04X}", port)))
            sockets.push_back(fmt::format("socket:[{}]", inode));
    }
}

bool is_number(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool holds_one_of(const std::filesystem::path& process, const std::vector<std::string>& sockets) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(process / "fd", error), end; !error && it != end;
         it.increment(error)) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(it->path(), gone).string();
        if (std::find(sockets.begin(), sockets.end(), target) != sockets.end())
            return true;
    }
    return false;
}

} // namespace

std::string udp_port_owner(std::uint16_t port) {
    std::vector<std::string> sockets;
    collect_sockets("/proc/net/udp", port, sockets);
    collect_sockets("/proc/net/udp6", port, sockets);
    if (sockets.empty())
        return {};

    std::error_code error;
    for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end;
         it.increment(error)) {
        const auto pid = it->path().filename().string();
        if (!is_number(pid) || !holds_one_of(it->path(), sockets))
            continue;
        std::ifstream comm(it->path() / "comm");
        std::string name;
        std::getline(comm, name);
        return fmt::format("{} (pid {})", name, pid);
    }
    return {};
}

} // namespace bootview::tftp
