// The status as a page for people: plain HTML, without scripts, that loads itself again every few
// seconds. Pure: from what status_json() gives.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace bootview::monitor {

std::string page(const nlohmann::ordered_json& status);

// The page of one client, "/client/NAME"; nothing if `path` leads to none.
std::optional<std::string> client_page(const nlohmann::ordered_json& status, std::string_view path);

// "%20" for what can't stand in the path of a URL.
std::string url_encode(std::string_view text);
std::string html_escape(std::string_view text);

} // namespace bootview::monitor
