#include "bootview/monitor/page.h"

#include "bootview/monitor/amount.h"
#include "bootview/monitor/status_json.h"
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace bootview::monitor {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view client_prefix = "/client/";
constexpr int refresh_seconds = 5;
constexpr std::size_t most_recent = 12; // transfers on the first page

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --line: #8884; --dim: #777; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .3rem 0; color: var(--dim); }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--dim); font-size: .85rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.b { overflow-wrap: anywhere; }
.s { display: inline-block; padding: 0 .5rem; border-radius: 1rem; border: 1px solid; font-size: .85rem; }
.running, .attached { color: #18794e; } .loading, .asked, .poll { color: #9a6700; } .off { color: var(--dim); }
@media (prefers-color-scheme: dark) { .running, .attached { color: #4cc38a; } .loading, .asked, .poll { color: #e2a336; } }
.bad { color: #c62a2f; }
@media (max-width: 45rem) {
  thead { display: none; } tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td { display: flex; border: 0; padding: .1rem 0; } td:empty { display: none; }
  td::before { content: attr(data-head); flex: none; width: 7rem; color: var(--dim); font-size: .85rem; }
}
footer { margin-top: 2rem; font-size: .85rem; color: var(--dim); }
)";

std::string text_of(const Json& object, const char* key) {
    return html_escape(object.at(key).get_ref<const std::string&>());
}

// "2026-11-26T11:40:38Z" as people read it.
std::string time_of(const Json& object, const char* key) {
    auto text = text_of(object, key);
    if (text.size() == 20)
        text = text.substr(0, 10) + " " + text.substr(11, 8);
    return text;
}

std::string badge(const std::string& word) {
    return fmt::format("<span class=\"s {0}\">{0}</span>", word);
}

std::string link(const std::string& client) {
    return fmt::format("<a href=\"{}{}\">{}</a>", client_prefix, url_encode(client),
                       html_escape(client));
}

class Table {
public:
    explicit Table(std::vector<const char*> heads) : heads_(std::move(heads)) {
        text_ = "<div class=\"table\"><table><thead><tr>";
        for (const auto* head : heads_)
            text_ += fmt::format("<th scope=\"col\">{}</th>", head);
        text_ += "</tr></thead><tbody>\n";
    }
    void begin_row() {
        text_ += "<tr>";
        column_ = 0;
    }
    void cell(const std::string& html, const char* kind = "b") {
        // On a narrow screen each cell is a line, with the head of its column.
        text_ += fmt::format("<td class=\"{}\" data-head=\"{}\">{}</td>", kind,
                             heads_.at(column_++), html);
    }
    void end_row() { text_ += "</tr>\n"; }
    std::string take() { return std::move(text_) + "</tbody></table></div>\n"; }

private:
    std::vector<const char*> heads_;
    std::size_t column_ = 0;
    std::string text_;
};

std::string document(const std::string& title, const std::string& body, const Json& status) {
    return fmt::format("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta http-equiv=\"refresh\" content=\"{}\">\n"
                       "<link rel=\"icon\" href=\"data:,\">\n"
                       "<title>{}</title><style>{}</style></head>\n<body>\n{}"
                       "<footer>Times are UTC. Seen since {}. "
                       "<a href=\"/status.json\">JSON</a> · <a href=\"/metrics\">metrics</a>"
                       "</footer>\n</body></html>\n",
                       refresh_seconds, html_escape(title), style, body, time_of(status, "since"));
}

std::string clients_part(const Json& status) {
    if (status.at("clients").empty())
        return "<p>No machine has asked for anything yet.</p>\n";
    Table table({"Client", "State", "Boots", "Address", "MAC", "Last seen", "Last event"});
    for (const auto& client : status.at("clients")) {
        table.begin_row();
        table.cell(link(client.at("client")));
        table.cell(badge(client.at("state")), "n");
        table.cell(std::to_string(client.at("boots").get<unsigned>()), "n");
        table.cell(text_of(client, "address"), "n");
        table.cell(text_of(client, "mac"), "n");
        table.cell(time_of(client, "last_seen"), "n");
        const auto& timeline = client.at("timeline");
        table.cell(timeline.empty() ? "" : text_of(timeline.back(), "text"));
        table.end_row();
    }
    return table.take();
}

std::string transfers_part(const Json& status) {
    if (status.at("transfers").empty())
        return "<p>None at the moment.</p>\n";
    Table table({"Client", "File", "Size", "Since"});
    std::size_t shown = 0;
    for (const auto& transfer : status.at("transfers")) {
        if (shown++ == most_recent)
            break;
        table.begin_row();
        table.cell(link(transfer.at("client")));
        table.cell(text_of(transfer, "file"));
        table.cell(amount(transfer.at("length")), "n");
        table.cell(fmt::format("{:.1f} s", transfer.at("seconds").get<double>()), "n");
        table.end_row();
    }
    return table.take();
}

std::string exports_part(const Json& status) {
    if (status.at("exports").empty())
        return "<p>No disk has been used yet.</p>\n";
    Table table({"Export", "Image", "Clients now", "Read", "Written", "Mean flush"});
    for (const auto& one : status.at("exports")) {
        const auto flushes = one.at("flushes").get<double>();
        table.begin_row();
        table.cell(one.at("export").get_ref<const std::string&>().empty() ? "(default)"
                                                                          : text_of(one, "export"));
        table.cell(text_of(one, "image"));
        table.cell(std::to_string(one.at("clients").get<unsigned>()), "n");
        table.cell(amount(one.at("read_bytes")), "n");
        table.cell(amount(one.at("written_bytes")), "n");
        table.cell(flushes > 0 ? fmt::format("{:.1f} ms",
                                             one.at("flush_seconds").get<double>() * 1000 / flushes)
                               : "",
                   "n");
        table.end_row();
    }
    return table.take();
}

std::string views_part(const Json& status) {
    if (status.at("views").empty())
        return "<p>No image's files are shown.</p>\n";
    Table table({"Image", "Shown at", "Mode", "Changes", "Stale reads"});
    for (const auto& view : status.at("views")) {
        table.begin_row();
        table.cell(text_of(view, "image"));
        table.cell(text_of(view, "mountpoint"));
        table.cell(badge(view.at("mode")), "n");
        table.cell(std::to_string(view.at("generation").get<std::uint64_t>()), "n");
        table.cell(std::to_string(view.at("stale").get<std::uint64_t>()), "n");
        table.end_row();
    }
    return table.take();
}

std::string url_decode(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() &&
            std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
            std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0) {
            result.push_back(
                static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
            i += 2;
        } else {
            result.push_back(text[i]);
        }
    }
    return result;
}

std::string timeline_part(const Json& client) {
    std::string text;
    const auto& timeline = client.at("timeline");
    // The newest boot first, each from its beginning.
    for (auto end = timeline.size(); end > 0;) {
        const auto boot = timeline[end - 1].at("boot").get<unsigned>();
        auto begin = end;
        while (begin > 0 && timeline[begin - 1].at("boot").get<unsigned>() == boot)
            --begin;
        Table table({"Time", "What it did"});
        for (auto i = begin; i < end; ++i) {
            const auto& entry = timeline[i];
            const bool failed = entry.contains("outcome") && entry.at("outcome") != "finished" &&
                                entry.at("outcome") != "closed" && entry.at("outcome") != "cut-off";
            table.begin_row();
            table.cell(time_of(entry, "time"), "n");
            table.cell(text_of(entry, "text"), failed ? "b bad" : "b");
            table.end_row();
        }
        text += fmt::format("<h2>Boot {}</h2>\n{}", boot, table.take());
        end = begin;
    }
    return text;
}

} // namespace

std::string html_escape(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
        case '&':
            result += "&amp;";
            break;
        case '<':
            result += "&lt;";
            break;
        case '>':
            result += "&gt;";
            break;
        case '"':
            result += "&quot;";
            break;
        default:
            result.push_back(c);
        }
    }
    return result;
}

std::string url_encode(std::string_view text) {
    std::string result;
    for (const char c : text)
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_')
            result.push_back(c);
        else
            result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return result;
}

std::string page(const Json& status) {
    return document(
        "Boot server",
        "<h1>Boot server</h1>\n<p>" + time_of(status, "time") + "</p>\n" + "<h2>Clients</h2>\n" +
            clients_part(status) + "<h2>Files on their way</h2>\n" + transfers_part(status) +
            "<h2>Disks</h2>\n" + exports_part(status) + "<h2>Views</h2>\n" + views_part(status),
        status);
}

std::optional<std::string> client_page(const Json& status, std::string_view path) {
    if (!path.starts_with(client_prefix))
        return std::nullopt;
    const auto* client = find_client(status, url_decode(path.substr(client_prefix.size())));
    if (!client)
        return std::nullopt;
    const auto name = client->at("client").get<std::string>();
    std::string about;
    for (const auto* key : {"machine", "address", "mac", "serial"})
        if (!client->at(key).get_ref<const std::string&>().empty())
            about += (about.empty() ? "" : " · ") + text_of(*client, key);
    return document(name,
                    "<p><a href=\"/\">Boot server</a></p>\n<h1>" + html_escape(name) + " " +
                        badge(client->at("state")) + "</h1>\n<p>" + about + "</p>\n" +
                        timeline_part(*client),
                    status);
}

} // namespace bootview::monitor
