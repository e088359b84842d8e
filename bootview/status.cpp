#include "bootview/status.h"

#include "bootview/failure.h"
#include "bootview/monitor/amount.h"
#include "bootview/monitor/http_get.h"
#include "bootview/monitor/status_json.h"
#include "bootview/run_command.h"
#include "change-ring/path.h"
#include "common/board_name.h"
#include "common/printable.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace bootview {

namespace {

namespace fs = std::filesystem;
using monitor::amount;
using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds patience{2};
constexpr std::chrono::seconds between_looks{1};
constexpr std::string_view suffix = ".status";

// Of the monitors that may run: the sockets they leave behind stay if they are killed.
std::vector<std::string> sockets(const std::string& named) {
    if (!named.empty())
        return {named + std::string(suffix)};
    std::vector<std::string> found;
    for (const auto& directory : ring::runtime_directories()) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(directory, ignored))
            if (entry.path().string().ends_with(suffix) && entry.is_socket(ignored))
                found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

// By socket.
std::vector<std::pair<std::string, Json>> ask_all(const std::string& named) {
    std::vector<std::pair<std::string, Json>> answers;
    for (const auto& socket : sockets(named)) {
        const auto body = monitor::http_get(socket, "/status.json", patience);
        if (auto json = Json::parse(body.value_or(""), nullptr, false); json.is_object())
            answers.emplace_back(socket, std::move(json));
    }
    return answers;
}

[[noreturn]] void nobody_there(const std::string& named) {
    if (!named.empty())
        throw Failure(fmt::format("{}: no monitor answers there; leave --socket out to find those "
                                  "that run",
                                  named));
    throw Failure(
        "no boot server runs here, or none that this user may ask; start one with "
        "\"bootview serve IMAGE\" or \"systemctl start bootview.target\", or ask as root");
}

// Columns as wide as they need to be.
class Table {
public:
    explicit Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const {
        std::string result;
        for (const auto& row : rows_) {
            std::string line;
            for (std::size_t i = 0; i < row.size(); ++i) {
                std::size_t width = 0;
                for (const auto& other : rows_)
                    width = std::max(width, other[i].size());
                line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], width);
            }
            result += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        }
        return result;
    }

private:
    std::vector<std::vector<std::string>> rows_;
};

std::string word(const Json& object, const char* key) {
    return object.at(key).get<std::string>();
}

std::string status_text(const Json& status) {
    Table clients({"CLIENT", "STATE", "BOOTS", "ADDRESS", "LAST SEEN", "LAST EVENT"});
    for (const auto& client : status.at("clients")) {
        const auto& timeline = client.at("timeline");
        clients.add({word(client, "client"), word(client, "state"),
                     std::to_string(client.at("boots").get<unsigned>()), word(client, "address"),
                     word(client, "last_seen"),
                     timeline.empty() ? "" : word(timeline.back(), "text")});
    }
    Table transfers({"LOADING", "FILE", "SIZE"});
    for (const auto& transfer : status.at("transfers"))
        transfers.add(
            {word(transfer, "client"), word(transfer, "file"), amount(transfer.at("length"))});
    Table exports({"EXPORT", "CLIENTS", "READ", "WRITTEN", "IMAGE"});
    for (const auto& one : status.at("exports"))
        exports.add({word(one, "export").empty() ? "(default)" : word(one, "export"),
                     std::to_string(one.at("clients").get<unsigned>()),
                     amount(one.at("read_bytes")), amount(one.at("written_bytes")),
                     word(one, "image")});
    Table views({"VIEW", "MODE", "CHANGES", "STALE", "IMAGE"});
    for (const auto& view : status.at("views"))
        views.add({word(view, "mountpoint"), word(view, "mode"),
                   std::to_string(view.at("generation").get<std::uint64_t>()),
                   std::to_string(view.at("stale").get<std::uint64_t>()), word(view, "image")});
    std::string text;
    for (const auto& [key, table] : {std::pair<const char*, const Table&>{"clients", clients},
                                     {"transfers", transfers},
                                     {"exports", exports},
                                     {"views", views}})
        if (!status.at(key).empty())
            text += (text.empty() ? "" : "\n") + table.text();
    if (status.at("clients").empty())
        text = "no machine has asked for anything since " + word(status, "since") + "\n" +
               (text.empty() ? "" : "\n") + text;
    return text;
}

std::string all_text(const StatusOptions& options) {
    const auto answers = ask_all(options.socket);
    if (answers.empty())
        nobody_there(options.socket);
    if (options.json) {
        // One boot server, or several of them: always an array, so that nobody has to ask.
        Json all = Json::array();
        for (const auto& [socket, status] : answers) {
            all.push_back(status);
            all.back()["socket"] = socket;
        }
        return all.dump(2) + "\n";
    }
    std::string text;
    for (const auto& [socket, status] : answers) {
        if (answers.size() > 1)
            text += fmt::format("{}{}\n", text.empty() ? "" : "\n", socket);
        text += printable_lines(status_text(status));
    }
    return text;
}

void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

// As it was typed, and as the parts write it.
std::vector<std::string> spellings(const std::string& client) {
    std::vector<std::string> all{client};
    if (const auto mac = mac_bytes(client))
        all.push_back(fmt::format("{:02x}", fmt::join(*mac, ":")));
    else if (const auto serial = serial_number(client))
        all.push_back(fmt::format("{:08x}", *serial));
    return all;
}

std::vector<std::string> journalctl(const std::string& client) {
    std::vector<std::string> words{"journalctl", "--no-pager", "--quiet", "--output=short-iso",
                                   "--identifier=bootview"};
    const auto first = words.size();
    for (const auto* field : {"CLIENT", "NAME", "SERIAL", "MAC", "ADDRESS"})
        for (const auto& text : spellings(client)) {
            if (words.size() > first)
                words.emplace_back("+");
            words.push_back(fmt::format("BOOTVIEW_{}={}", field, text));
        }
    return words;
}

// Becomes journalctl, which remembers longer than a monitor, if that has anything to say of the
// client.
void ask_journal(const std::string& client) {
    auto words = journalctl(client);
    auto look = words;
    look.emplace_back("--lines=1");
    if (const auto last = run_command(look); last.status != 0 || last.output.empty())
        return;
    std::vector<char*> arguments;
    for (auto& text : words)
        arguments.push_back(text.data());
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
}

std::string log_text(const Json& client) {
    std::string text;
    unsigned boot = 0;
    for (const auto& entry : client.at("timeline")) {
        if (const auto number = entry.at("boot").get<unsigned>(); number != boot) {
            text += fmt::format("{}boot {}\n", text.empty() ? "" : "\n", number);
            boot = number;
        }
        text += word(entry, "time") + "  " + word(entry, "text") + "\n";
    }
    return text;
}

} // namespace

int print_status(const StatusOptions& options) {
    auto text = all_text(options);
    print(text);
    const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
    while (options.watch) {
        std::this_thread::sleep_for(between_looks);
        auto next = all_text(options);
        if (next == text)
            continue;
        text = std::move(next);
        print(is_terminal ? "\033[H\033[2J" + text : "\n" + text);
    }
    return 0;
}

int print_log(const StatusOptions& options, const std::string& wanted) {
    const auto answers = ask_all(options.socket);
    bool found = false;
    for (const auto& [socket, status] : answers)
        if (const auto* client = monitor::find_client(status, wanted)) {
            found = true;
            print(options.json ? client->dump(2) + "\n" : printable_lines(log_text(*client)));
        }
    if (found)
        return 0;
    if (answers.empty() && !options.json && options.socket.empty())
        ask_journal(wanted);
    if (answers.empty() && options.socket.empty())
        throw Failure(fmt::format("'{}': no boot server runs here that this user may ask, and the "
                                  "journal has nothing of it that this user may read; start one "
                                  "with \"systemctl start bootview.target\", or ask as root",
                                  wanted));
    if (answers.empty())
        nobody_there(options.socket);
    std::string known;
    for (const auto& [socket, status] : answers)
        for (const auto& client : status.at("clients"))
            known += (known.empty() ? "" : ", ") + word(client, "client");
    throw Failure(fmt::format("'{}' has asked for nothing yet; those that have: {}", wanted,
                              known.empty() ? "none" : known));
}

} // namespace bootview
