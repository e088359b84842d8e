#include "bootview/doctor/root_modules.h"

#include "bootview/paths.h"
#include "bootview/run_command.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <vector>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

// 2 of "/dev/nbd0p2"; nothing where the whole device, or something else, is named.
std::optional<unsigned> partition_number(const std::string& root) {
    if (!root.starts_with("/dev/nbd"))
        return std::nullopt;
    const auto p = root.rfind('p');
    unsigned number = 0;
    if (p == std::string::npos || p < 8)
        return std::nullopt;
    const char* end = root.data() + root.size();
    const auto result = std::from_chars(root.data() + p + 1, end, number);
    return result.ec == std::errc{} && result.ptr == end ? std::optional(number) : std::nullopt;
}

} // namespace

std::set<std::string> names_in_listing(const std::string& listing) {
    std::set<std::string> names;
    std::istringstream lines(listing);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string field;
        for (int i = 0; i < 6 && std::getline(fields, field, '/'); ++i) {
        }
        if (!fields.eof() && !field.empty() && field != "." && field != "..")
            names.insert(field);
    }
    return names;
}

RootModules modules_on_root(const OpenImage& image, const std::string& root) {
    const auto number = partition_number(root);
    const auto& contents = image.contents.contents;
    // Named in another way, it is the one that has modules.
    std::vector<const view::Content*> candidates;
    for (const view::Content& content : contents)
        if (!number || content.partition.number == *number)
            candidates.push_back(&content);
    if (candidates.empty())
        return {RootState::no_such_partition, {}};
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                    [](const view::Content* content) {
                                        return !content->filesystem.starts_with("ext") ||
                                               content->is_extended;
                                    }),
                     candidates.end());
    if (candidates.empty())
        return {};
    if (!find_in_path("debugfs", search_path_of_environment()))
        return {RootState::no_program, {}};
    RootModules result;
    for (const view::Content* const content : candidates)
        for (const char* directory : {"/usr/lib/modules", "/lib/modules"}) {
            const CommandResult listed = run_command(
                {"debugfs", "-R", fmt::format("ls -p {}", directory),
                 fmt::format("{}?offset={}", image.path, content->partition.range.offset)});
            if (listed.status != 0)
                return {};
            result.kernels.merge(names_in_listing(listed.output));
        }
    // One that holds none, and was only guessed at, says nothing.
    if (number || !result.kernels.empty())
        result.state = RootState::listed;
    return result;
}

} // namespace bootview::doctor
