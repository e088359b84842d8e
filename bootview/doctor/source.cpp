#include "bootview/doctor/source.h"

#include "bootview/doctor/image.h"
#include "bootview/doctor/image_access.h"
#include "bootview/doctor/image_kind.h"
#include "bootview/doctor/raspberry_pi.h"
#include "bootview/run_command.h"
#include "common/images_in.h"
#include "fuse-fatimg/image/nbd.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

void check_one(const std::string& name, const std::string& path, Served& served,
               const view::PartitionChoice& choice, Findings& findings) {
    const bool is_one_of_many = !served.exports.empty();
    Findings of_image; // some checks ask what others found, of the same image
    served.name = name;
    if (const auto image = check_image(path, choice, of_image)) {
        check_raspberry_pi(*image, of_image);
        check_boot_files(*image, served, unpack, of_image);
    }
    for (Finding finding : of_image.all()) { // "config.txt" is of which?
        if (is_one_of_many && finding.thing.find(path) == std::string::npos)
            finding.thing = fmt::format("{}: {}", path, finding.thing);
        findings.add(std::move(finding));
    }
}

void check_directory(const std::string& directory, Served& served,
                     const view::PartitionChoice& choice, std::chrono::milliseconds patience,
                     Findings& findings) {
    if (!check_access(directory, findings))
        return;
    ImageDirectory listed{directory};
    const auto images = listed.images();
    if (check_unpacked(directory, images, findings))
        return;
    for (const auto& [name, path] : images) {
        served.exports.insert(name);
        served.file_names.emplace(fs::path(path).filename().string(), name);
    }
    if (images.empty())
        findings.warn("images-none", directory, "holds no images yet",
                      fmt::format("cp --sparse=always IMAGE {}", shell_word(directory)));
    const auto end = Clock::now() + patience;
    std::size_t seen = 0;
    for (const auto& [name, path] : images) {
        if (seen > 0 && patience.count() > 0 && Clock::now() > end) {
            findings.not_checked("images-not-looked-at", directory,
                                 fmt::format("{} of its {} images were not looked at",
                                             images.size() - seen, images.size()),
                                 fmt::format("bootview doctor {}", shell_word(directory)));
            break;
        }
        ++seen;
        check_one(name, path, served, choice, findings);
    }
    for (const auto& path : listed.not_yet_images())
        check_one(fs::path(path).filename().string(), path, served, choice, findings);
}

} // namespace

view::PartitionChoice partition_choice(const std::vector<std::string>& view_options) {
    constexpr std::string_view key = "partition=";
    view::PartitionChoice choice;
    for (const std::string& list : view_options) {
        std::istringstream words(list);
        for (std::string word; std::getline(words, word, ',');) {
            if (!word.starts_with(key))
                continue;
            const std::string value = word.substr(key.size());
            choice.all = value == "all";
            if (const unsigned long number = std::strtoul(value.c_str(), nullptr, 10); number > 0)
                choice.number = static_cast<unsigned>(number);
        }
    }
    return choice;
}

void check_source(const std::string& source, Served served, const view::PartitionChoice& choice,
                  std::chrono::milliseconds patience, Findings& findings) {
    std::error_code ignored;
    if (image::is_nbd_uri(source))
        findings.not_checked("image-elsewhere", source,
                             "is another NBD server's: look at its image where that is", "");
    else if (fs::is_directory(source, ignored))
        check_directory(source, served, choice, patience, findings);
    else
        check_one("boot", source, served, choice, findings);
}

} // namespace bootview::doctor
