// nobodd.conf: one [board:SERIAL] for each Raspberry Pi, with the image that it boots.
#include "bootview/config/draft.h"
#include "bootview/endpoint.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace bootview::config {

namespace {

struct Board {
    SourceLine head;
    std::string serial;
    std::map<std::string, SourceLine> keys;
    std::string image; // the whole path
};

// 8 or 16 digits, of a number that nobodd takes in whatever form Python knows. Empty: none.
std::string serial_of(const std::string& text) {
    std::string digits;
    for (const char c : text.starts_with("0x") || text.starts_with("0X") ? text.substr(2) : text)
        if (c != '_')
            digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (digits.empty() || digits.size() > 16 || !is_hex)
        return {};
    return std::string((digits.size() > 8 ? 16 : 8) - digits.size(), '0') + digits;
}

void take_tftp_server_line(Draft& draft, const SourceLine& line) {
    if (line.key == "includedir")
        return; // its files have been read
    if (line.key == "listen") {
        const auto address = parse_address(line.value);
        if (line.value == "systemd" || line.value == "stdin")
            draft.note(line, "under systemd it is tftp-bridge.socket that listens");
        else if (!address)
            draft.note(line, "listen takes an address in numbers");
        else if (!address->is_any())
            draft.set(line, "listen", toml_text(line.value));
    } else if (line.key == "port") {
        const bool is_number = !line.value.empty() && line.value.size() <= 5 &&
                               line.value.find_first_not_of("0123456789") == std::string::npos;
        if (is_number && line.value != "69")
            draft.set("tftp-port", line.value);
        else if (!is_number && line.value != "tftp")
            draft.note(line, "tftp-port takes a number");
    } else {
        draft.note(line, "nothing here is like it");
    }
}

void take_board_line(Draft& draft, Board& board, const SourceLine& line) {
    if (line.key == "image")
        board.image = line.path();
    if (line.key == "image" || line.key == "partition" || line.key == "ip" || line.key == "mac")
        board.keys[line.key] = line;
    else
        draft.note(line, "nothing here is like it");
}

// The number of a board's boot partition; by default nobodd has the first.
std::string partition_of(const Board& board) {
    const auto found = board.keys.find("partition");
    return found == board.keys.end() ? "1" : found->second.value;
}

bool is_partition(const std::string& text) {
    return !text.empty() && text.size() < 4 && text.front() != '0' &&
           text.find_first_not_of("0123456789") == std::string::npos;
}

// There it is a number for each board, here one option for all; with "all" each has its directory.
// Returns what follows the image's name in root.
std::map<std::string, std::string> take_partitions(Draft& draft, const std::vector<Board>& boards) {
    std::set<std::string> numbers;
    for (const auto& board : boards) {
        if (is_partition(partition_of(board)))
            numbers.insert(partition_of(board));
        else
            draft.note(board.keys.at("partition"), "a partition is a number from 1");
    }
    std::map<std::string, std::string> below;
    if (numbers.size() == 1 && *numbers.begin() != "1")
        draft.add("view-options", "partition=" + *numbers.begin());
    if (numbers.size() < 2)
        return below;
    draft.add("view-options", "partition=all");
    draft.remark("Boards have different partitions: with partition=all each partition is a "
                 "directory of its image,\nwhich root names. A board without a [[client]] needs "
                 "one.");
    for (const auto& number : numbers)
        below[number] = "/p" + number;
    return below;
}

Draft::Client client_of(Draft& draft, const Board& board, const std::string& below) {
    Draft::Client client;
    client.keys = {{"serial", toml_text(board.serial)}};
    if (const auto mac = board.keys.find("mac"); mac != board.keys.end())
        client.keys.emplace_back("mac", toml_text(mac->second.value));
    if (const auto ip = board.keys.find("ip"); ip != board.keys.end()) {
        const auto address = parse_address(ip->second.value);
        if (address && !address->is_any() && !address->is_ipv6()) {
            client.keys.emplace_back("ip", toml_text(ip->second.value));
            client.comments.push_back(fmt::format(
                "{}: ip is one more sign to know it by; from another address it boots, too",
                ip->second.place()));
        } else {
            draft.note(ip->second, "ip takes an IPv4 address");
        }
    }
    client.keys.emplace_back("root", toml_text(draft.images.name_of(board.image) + below));
    return client;
}

// A section that comes again changes the one before.
Board& board_of(std::vector<Board>& boards, const SourceLine& line, const std::string& serial) {
    const auto board = std::find_if(boards.begin(), boards.end(),
                                    [&](const Board& other) { return other.serial == serial; });
    if (board != boards.end())
        return *board;
    boards.push_back({line, serial, {}, {}});
    return boards.back();
}

void take_line(Draft& draft, std::vector<Board>& boards, const SourceLine& line) {
    const bool is_board = line.section.starts_with("board:");
    const auto serial = is_board ? serial_of(trimmed(line.section.substr(6))) : "";
    if (!line.mistake.empty()) {
        draft.note(line, line.mistake);
    } else if (line.section == "tftp") {
        if (!line.key.empty())
            take_tftp_server_line(draft, line);
    } else if (serial.empty()) {
        draft.note(line, is_board ? "this is no serial number: 8 or 16 hexadecimal digits"
                                  : "nothing here is like it");
    } else {
        auto& board = board_of(boards, line, serial);
        if (!line.key.empty())
            take_board_line(draft, board, line);
    }
}

} // namespace

void import_nobodd(Draft& draft, const std::vector<Source>& sources) {
    std::vector<Board> boards;
    for (const auto& source : sources)
        for (const auto& line : config_parser_lines(source))
            take_line(draft, boards, line);

    std::set<std::string> taken;
    for (const auto& board : boards)
        if (!board.image.empty())
            draft.images.add(board.image);
    const auto below = take_partitions(draft, boards);
    for (const auto& board : boards) {
        if (board.image.empty()) {
            draft.note(board.head, "it has no image");
            continue;
        }
        if (!taken.insert(board.image).second)
            draft.note(board.keys.at("image"),
                       "another board has this image too; two that write to it destroy it");
        const auto partition = below.find(partition_of(board));
        draft.add(client_of(draft, board, partition == below.end() ? "" : partition->second));
    }
}

} // namespace bootview::config
