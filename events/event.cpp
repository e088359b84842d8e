#include "events/event.h"

#include <algorithm>
#include <type_traits>

#include <nlohmann/json.hpp>

namespace bootview::events {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Offer, mac, name, serial, machine, interface,
                                                offered)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Transfer, id, client, mac, name, serial, file,
                                                outcome, why, length, sent, retransmits, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Session, id, client, export_name, image, state, why,
                                                writable, read_bytes, written_bytes, flushes,
                                                flush_seconds, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(View, image, mountpoint, mode, generation, stale,
                                                overflows, waits)

namespace {

using nlohmann::json;

// A JSON string may take six times the bytes of what it says; three of these fit into a packet.
constexpr std::size_t longest_text = 200;

template<typename T>
constexpr const char* kind_of() {
    if constexpr (std::is_same_v<T, Offer>)
        return "offer";
    else if constexpr (std::is_same_v<T, Transfer>)
        return "transfer";
    else if constexpr (std::is_same_v<T, Session>)
        return "session";
    else
        return "view";
}

template<typename T>
std::optional<Event> as(const json& object) {
    return object.get<T>();
}

} // namespace

std::string to_json(const Event& event) {
    json object = std::visit(
        [](const auto& what) {
            json result = what;
            result["event"] = kind_of<std::decay_t<decltype(what)>>();
            return result;
        },
        event);
    auto text = object.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() <= longest)
        return text;
    for (auto& value : object)
        if (value.is_string() && value.get_ref<const std::string&>().size() > longest_text)
            value = value.get_ref<const std::string&>().substr(0, longest_text);
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Event> from_json(std::string_view text) {
    const auto object = json::parse(text, nullptr, false);
    if (!object.is_object())
        return std::nullopt;
    const auto kind = object.find("event");
    if (kind == object.end() || !kind->is_string())
        return std::nullopt;
    try {
        if (*kind == kind_of<Offer>())
            return as<Offer>(object);
        if (*kind == kind_of<Transfer>())
            return as<Transfer>(object);
        if (*kind == kind_of<Session>())
            return as<Session>(object);
        if (*kind == kind_of<View>())
            return as<View>(object);
    } catch (const json::exception&) { // a value of another type
    }
    return std::nullopt;
}

} // namespace bootview::events
