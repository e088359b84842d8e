// The state of a boot server as JSON: what the monitor answers, and what `bootview status`,
// `bootview log` and the status page show. bootview(1) documents it.
#pragma once

#include "bootview/monitor/model.h"

#include <nlohmann/json.hpp>

namespace bootview::monitor {

nlohmann::ordered_json status_json(const Model& model, Time since, Time now);

// The client of that state that is meant by `text` (Client::is_called()), the one whose key it is
// first; null without one.
const nlohmann::ordered_json* find_client(const nlohmann::ordered_json& status,
                                          std::string_view text);

// "2026-11-26T11:40:38Z"
std::string time_text(Time when);

} // namespace bootview::monitor
