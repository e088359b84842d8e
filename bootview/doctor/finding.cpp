#include "bootview/doctor/finding.h"

#include "common/printable.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bootview::doctor {

namespace {

constexpr std::array marks{"FAIL", "WARN", "?   ", "ok  "};
constexpr std::array severity_names{"failure", "warning", "unchecked", "fine"};

std::size_t index_of(Severity severity) {
    return static_cast<std::size_t>(severity);
}

std::size_t count(const Findings& findings, Severity severity) {
    return static_cast<std::size_t>(
        std::count_if(findings.all().begin(), findings.all().end(),
                      [&](const Finding& finding) { return finding.severity == severity; }));
}

} // namespace

std::string printable(const std::string& text) {
    std::string result = text;
    for (char& c : result)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return result;
}

const Finding* Findings::find(const std::string& id) const {
    const auto found = std::find_if(all_.begin(), all_.end(),
                                    [&](const Finding& finding) { return finding.id == id; });
    return found == all_.end() ? nullptr : &*found;
}

bool Findings::has_failures() const {
    return count(*this, Severity::failure) > 0;
}

void Findings::sort() {
    std::stable_sort(all_.begin(), all_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
}

std::string as_text(const Findings& findings) {
    std::string text;
    for (const Finding& finding : findings.all()) {
        text += fmt::format("{} {}: {} [{}]\n", marks.at(index_of(finding.severity)),
                            printable_in_column(finding.thing), printable_in_column(finding.what),
                            printable_in_column(finding.id));
        if (!finding.fix.empty())
            text += fmt::format("     fix: {}\n", printable_in_column(finding.fix));
    }
    const std::size_t failures = count(findings, Severity::failure);
    const std::size_t warnings = count(findings, Severity::warning);
    text += fmt::format("{} failure{}, {} warning{}\n", failures, failures == 1 ? "" : "s",
                        warnings, warnings == 1 ? "" : "s");
    return text;
}

std::string as_json(const Findings& findings) {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    for (const Finding& finding : findings.all())
        list.push_back({{"severity", severity_names.at(index_of(finding.severity))},
                        {"id", finding.id},
                        {"thing", finding.thing},
                        {"what", finding.what},
                        {"fix", finding.fix.empty() ? Json{} : Json(finding.fix)}});
    const Json result{{"failures", count(findings, Severity::failure)},
                      {"warnings", count(findings, Severity::warning)},
                      {"findings", list}};
    // Names may be any bytes; what is no UTF-8 becomes U+FFFD.
    return result.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace bootview::doctor
