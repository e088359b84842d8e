#include "bootview/monitor/metrics.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace bootview::monitor {

namespace {

// Of a label: backslash, quote and line end are written with a backslash.
std::string label(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\' || c == '"')
            result.push_back('\\');
        if (c == '\n')
            result += "\\n";
        else
            result.push_back(c);
    }
    return result;
}

class Text {
public:
    void describe(std::string_view name, std::string_view type, std::string_view help) {
        fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                       type);
    }
    template<typename Value>
    void add(std::string_view name, std::string_view labels, Value value) {
        fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name, labels, value);
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

} // namespace

std::string metrics_text(const Model& model) {
    Text text;
    text.describe("bootview_boots_total", "counter", "Boots begun, of all clients.");
    text.add("bootview_boots_total", "", model.boots());
    text.describe("bootview_clients", "gauge", "Machines that were seen, by what they do now.");
    for (const auto state : {State::asked, State::loading, State::running, State::off}) {
        std::size_t count = 0;
        for (const auto& client : model.clients())
            count += client.state == state ? 1 : 0;
        text.add("bootview_clients", fmt::format("{{state=\"{}\"}}", to_string(state)), count);
    }

    const auto exports = model.exports();
    const auto for_exports = [&](std::string_view name, std::string_view type,
                                 std::string_view help, auto value) {
        text.describe(name, type, help);
        for (const auto& one : exports)
            text.add(
                name,
                fmt::format("{{export=\"{}\",image=\"{}\"}}", label(one.name), label(one.image)),
                value(one));
    };
    for_exports("bootview_nbd_clients", "gauge", "Connections to an export.",
                [](const Export& e) { return e.clients; });
    for_exports("bootview_nbd_read_bytes_total", "counter", "Bytes read by clients.",
                [](const Export& e) { return e.read_bytes; });
    for_exports("bootview_nbd_written_bytes_total", "counter",
                "Bytes written, zeroed or trimmed by clients.",
                [](const Export& e) { return e.written_bytes; });
    for_exports("bootview_nbd_flushes_total", "counter", "Flushes, of writes with FUA too.",
                [](const Export& e) { return e.flushes; });
    for_exports("bootview_nbd_flush_seconds_total", "counter", "What these took, together.",
                [](const Export& e) { return e.flush_seconds; });

    const auto views = model.views();
    const auto for_views = [&](std::string_view name, std::string_view type, std::string_view help,
                               auto value) {
        text.describe(name, type, help);
        for (const auto& view : views)
            text.add(name,
                     fmt::format("{{image=\"{}\",mountpoint=\"{}\"}}", label(view.image),
                                 label(view.mountpoint)),
                     value(view));
    };
    for_views("bootview_view_attached", "gauge",
              "1: every write shows at once. 0: changes are noticed by the image's times.",
              [](const events::View& v) { return v.mode == "attached" ? 1 : 0; });
    for_views("bootview_view_generation", "counter", "Changes of what is shown.",
              [](const events::View& v) { return v.generation; });
    for_views("bootview_view_stale_total", "counter",
              "Requests answered by ESTALE, of all images of the mount.",
              [](const events::View& v) { return v.stale; });
    for_views("bootview_view_overflows_total", "counter",
              "Times that the change ring went faster than the view.",
              [](const events::View& v) { return v.overflows; });
    for_views("bootview_view_waits_total", "counter",
              "Requests that waited for a client to finish what it was writing.",
              [](const events::View& v) { return v.waits; });
    return text.take();
}

} // namespace bootview::monitor
