#include "bootview/monitor/status_json.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace bootview::monitor {

namespace {

using Json = nlohmann::ordered_json;

double seconds_between(Time from, Time to) {
    return std::chrono::duration<double>(to - from).count();
}

Json entry_json(const Entry& entry) {
    Json json{{"time", time_text(entry.when)},
              {"boot", entry.boot},
              {"event", to_string(entry.happened)},
              {"what", entry.what},
              {"text", describe(entry)}};
    if (entry.happened == Happened::file) {
        json["outcome"] = entry.outcome;
        json["bytes"] = entry.bytes;
        json["seconds"] = entry.seconds;
        json["retransmits"] = entry.retransmits;
    } else if (entry.happened == Happened::refused) {
        json["why"] = entry.outcome;
        json["count"] = entry.count;
        json["names"] = entry.names; // the last ones of them
    } else if (entry.happened == Happened::closed) {
        json["outcome"] = entry.outcome;
        json["read_bytes"] = entry.bytes;
        json["written_bytes"] = entry.written_bytes;
        json["seconds"] = entry.seconds;
    }
    return json;
}

Json client_json(const Client& client) {
    Json timeline = Json::array();
    for (const auto& entry : client.timeline)
        timeline.push_back(entry_json(entry));
    return {{"client", client.key()},
            {"name", client.name},
            {"serial", client.serial},
            {"mac", client.mac},
            {"address", client.address},
            {"machine", client.machine},
            {"state", to_string(client.state)},
            {"boots", client.boots},
            {"last_seen", time_text(client.last_seen)},
            {"timeline", timeline}};
}

bool is_called(const Json& client, std::string_view text) {
    Client known;
    known.mac = client.at("mac").get<std::string>();
    known.address = client.at("address").get<std::string>();
    known.serial = client.at("serial").get<std::string>();
    known.name = client.at("name").get<std::string>();
    return known.is_called(text);
}

} // namespace

const Json* find_client(const Json& status, std::string_view text) {
    const auto& clients = status.at("clients");
    auto found = std::find_if(clients.begin(), clients.end(), [&](const Json& client) {
        return client.at("client").get_ref<const std::string&>() == text;
    });
    if (found == clients.end())
        found = std::find_if(clients.begin(), clients.end(),
                             [&](const Json& client) { return is_called(client, text); });
    return found == clients.end() ? nullptr : &*found;
}

std::string time_text(Time when) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(when)));
}

Json status_json(const Model& model, Time since, Time now) {
    Json exports = Json::array();
    for (const auto& one : model.exports())
        exports.push_back({{"export", one.name},
                           {"image", one.image},
                           {"clients", one.clients},
                           {"read_bytes", one.read_bytes},
                           {"written_bytes", one.written_bytes},
                           {"flushes", one.flushes},
                           {"flush_seconds", one.flush_seconds}});
    Json sessions = Json::array();
    for (const auto& [session, begun, client] : model.sessions())
        sessions.push_back({{"client", client},
                            {"export", session.export_name},
                            {"image", session.image},
                            {"writable", session.writable},
                            {"since", time_text(begun)},
                            {"read_bytes", session.read_bytes},
                            {"written_bytes", session.written_bytes}});
    Json views = Json::array();
    for (const auto& view : model.views())
        views.push_back({{"image", view.image},
                         {"mountpoint", view.mountpoint},
                         {"mode", view.mode},
                         {"generation", view.generation},
                         {"stale", view.stale},
                         {"overflows", view.overflows},
                         {"waits", view.waits}});
    Json transfers = Json::array();
    for (const auto& [transfer, begun, client] : model.transfers())
        transfers.push_back({{"client", client},
                             {"file", transfer.file},
                             {"length", transfer.length},
                             {"seconds", seconds_between(begun, now)}});
    Json clients = Json::array();
    for (const auto& client : model.clients())
        clients.push_back(client_json(client));
    return {{"time", time_text(now)}, {"since", time_text(since)}, {"clients", clients},
            {"transfers", transfers}, {"exports", exports},        {"sessions", sessions},
            {"views", views}};
}

} // namespace bootview::monitor
