#include "bootview/doctor/start.h"

#include "bootview/doctor/ports.h"
#include "bootview/doctor/source.h"
#include "bootview/failure.h"
#include "bootview/run_command.h"
#include "fuse-fatimg/image/file.h"
#include "fuse-fatimg/image/packed.h"
#include "fuse-fatimg/view/contents.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;

// Clients of a server that is started again wait meanwhile.
constexpr std::chrono::milliseconds patience{2000};

// What is no news for somebody who starts a server: what was chosen, and what clients that waited
// for it leave behind.
bool is_worth_saying(const Finding& finding) {
    constexpr std::array<std::string_view, 6> known{"listen-loopback",     "fat-dirty",
                                                    "dhcp-proxy-denied",   "dhcp-port-shared",
                                                    "initrd-stock-client", "image-not-of-service"};
    if (std::find(known.begin(), known.end(), finding.id) != known.end())
        return false;
    return finding.severity == Severity::failure || finding.severity == Severity::warning ||
           finding.id == "images-not-looked-at";
}

// Of images in a directory fuse-fatimg says itself which it does not show, and why.
bool is_said_by_view(const Finding& finding) {
    constexpr std::array<std::string_view, 7> ids{
        "image-packed",      "image-format",    "image-empty", "image-without-partition-table",
        "image-without-fat", "image-truncated", "image-broken"};
    return std::find(ids.begin(), ids.end(), finding.id) != ids.end();
}

// Is there anything that fuse-fatimg can show, and is it whole? A download that ended early would
// boot a machine halfway. What can't be told is left to fuse-fatimg.
bool can_be_shown(const std::string& path, const view::PartitionChoice& choice) {
    try {
        const image::File file(path);
        if (!image::packed(file).empty())
            return false;
        const ReadAt read = [&file](std::uint64_t offset, std::span<std::byte> data) {
            return file.read(offset, data);
        };
        const auto found = view::read_contents(read, file.size(), choice);
        return found.refusal.empty() &&
               std::none_of(found.contents.begin(), found.contents.end(), [](const auto& content) {
                   return content.is_shown && content.shortfall && content.shortfall->of_image &&
                          content.shortfall->holds_files;
               });
    } catch (const std::exception&) {
        return true;
    }
}

std::string line_of(const Finding& finding) {
    // What packs an image names its command already.
    const bool is_said = finding.fix.empty() || finding.what.find(finding.fix) != std::string::npos;
    return fmt::format("{}: {}{}", finding.thing, finding.what,
                       is_said ? "" : "; type: " + finding.fix);
}

// Of what is served alone and can't be: why. Other failures are no reason; what none is named for,
// fuse-fatimg says itself.
void refuse(const Findings& findings) {
    constexpr std::array<std::string_view, 3> others{"image-installer", "image-windows",
                                                     "images-unpacked"};
    for (const Finding& finding : findings.all())
        if (finding.severity == Severity::failure &&
            (is_said_by_view(finding) ||
             std::find(others.begin(), others.end(), finding.id) != others.end()))
            throw Failure(line_of(finding));
}

void check_images(const StartQuestion& question, Findings& findings) {
    const auto choice = partition_choice(question.view_options);
    Served served;
    served.network = question.network;
    served.nbd_port = question.nbd_port;
    Findings of_images;
    check_source(question.source, served, choice, patience, of_images);
    std::error_code ignored;
    const bool is_directory = fs::is_directory(question.source, ignored);
    if (is_directory ? of_images.find("images-unpacked") != nullptr
                     : !can_be_shown(question.source, choice))
        refuse(of_images);
    of_images.sort();
    for (const Finding& finding : of_images.all())
        if (!is_directory || !is_said_by_view(finding))
            findings.add(finding);
}

// Firmware asks by DHCP; if nobody answers that, nothing boots.
void check_who_tells(const StartQuestion& question, Findings& findings) {
    if (question.network.dhcp_proxy) {
        check_dhcp_neighbours({question.network.listen, 0, 0, false, true, question.source, false},
                              findings);
        if (const Finding* const taken = findings.find("pxe-port-taken"))
            throw Failure(line_of(*taken));
        return;
    }
    const std::string again = question.source.empty() ? "" : " " + shell_word(question.source);
    if (question.adopt)
        findings.warn("adopt-without-dhcp-proxy", "--adopt",
                      "does nothing without --dhcp-proxy: it is the DHCP proxy that answers PCs",
                      fmt::format("sudo bootview serve --dhcp-proxy --adopt{}", again));
}

} // namespace

Findings look_before_start(const StartQuestion& question) {
    Findings findings;
    check_network(question.network, findings);
    check_who_tells(question, findings);
    if (!question.source.empty())
        check_images(question, findings);
    Findings said;
    for (const Finding& finding : findings.all())
        if (is_worth_saying(finding))
            said.add(finding);
    return said;
}

std::vector<std::string> start_lines(const Findings& findings, const std::string& source,
                                     std::size_t most) {
    std::vector<std::string> lines;
    const auto& all = findings.all();
    std::size_t left = all.size();
    for (auto finding = all.begin(); finding != all.end();) {
        // What one line mends is said together.
        const auto end = std::find_if(
            finding, all.end(), [&](const Finding& other) { return other.fix != finding->fix; });
        const auto count = static_cast<std::size_t>(end - finding);
        const std::size_t needed = count + (finding->fix.empty() ? 0 : 1);
        if (lines.size() + needed + (left > count ? 1 : 0) > most && !lines.empty())
            break;
        const std::string fix = finding->fix;
        for (; finding != end; ++finding, --left)
            lines.push_back(fmt::format("{}: {} [{}]", printable(finding->thing),
                                        printable(finding->what), finding->id));
        if (!fix.empty())
            lines.push_back("     fix: " + printable(fix));
    }
    if (left > 0)
        lines.push_back(fmt::format("{} more: bootview doctor {}", left, shell_word(source)));
    return lines;
}

} // namespace bootview::doctor
