#include "bootview/config/check.h"

#include "bootview/config/bridge_file.h"
#include "bootview/config/service_access.h"
#include "bootview/failure.h"
#include "bootview/preflight.h"
#include "common/images_in.h"
#include "common/nearest_word.h"

#include <filesystem>
#include <map>
#include <system_error>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

constexpr const char* any_root = "/"; // what is served there does not matter for a check

std::map<std::string, std::string> images_of(const std::string& source) {
    std::error_code error;
    if (fs::is_directory(source, error))
        return images_in(source);
    return {};
}

// "jammy" of "jammy/boot": the directory that an image is.
std::string first_part(const std::string& root) {
    return root.substr(0, root.find('/'));
}

void check_root(const Client& client, const std::string& source,
                const std::map<std::string, std::string>& images, Problems& problems) {
    const auto root = client.text("root");
    if (root.empty())
        return;
    const auto place = client.settings.at("root").place();
    std::error_code error;
    if (root.front() == '/') {
        if (!fs::is_directory(root, error))
            problems.push_back(fmt::format(
                "{}: root {}: there is no such directory; make it, or name an image", place, root));
    } else if (fs::is_directory(source, error) && !images.contains(first_part(root))) {
        std::vector<std::string> names;
        for (const auto& [name, path] : images)
            names.push_back(name);
        problems.push_back(
            fmt::format("{}: root {}: no image in {} is called so; {}", place, root, source,
                        names.empty() ? "put it there"
                                      : fmt::format("did you mean {}?", nearest(root, names))));
    }
}

} // namespace

void check_for_bridge(const Config& config, const std::string& tftp_bridge, Problems& problems) {
    const auto found = ask_bridge(tftp_bridge, whole_bridge_text(config, any_root));
    problems.insert(problems.end(), found.begin(), found.end());
}

void check_places(const Config& config, Problems& problems) {
    const auto source = config.text("images", default_images());
    const auto* said = config.find("images");
    try {
        preflight::check_source(source);
        const auto images = images_of(source);
        for (const auto& client : config.clients)
            check_root(client, source, images, problems);
    } catch (const std::exception& failure) { // Failure, or of a directory that can't be read
        problems.push_back(fmt::format("{}: {}{}", said ? said->place() : config.file,
                                       said ? "" : "no key says images, so it is ",
                                       failure.what()));
    }
}

void check_interfaces(const Config& config, Problems& problems) {
    const auto* setting = config.find("interface");
    if (!setting)
        return;
    std::string there;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/sys/class/net", error))
        if (const auto name = entry.path().filename().string(); name != "lo")
            there += (there.empty() ? "" : ", ") + name;
    for (const auto& name : setting->values)
        if (name.empty() || name.find('/') != std::string::npos ||
            !fs::exists("/sys/class/net/" + name, error))
            problems.push_back(fmt::format(
                "{}: interface {}: this machine has none of that name, and nobody is answered; {}",
                setting->place(), name,
                there.empty() ? "it has no network" : "write one of " + there));
}

void check_access(const Config& config, Problems& problems, Problems& warnings) {
    const auto source = config.text("images", default_images());
    const auto* said = config.find("images");
    auto images = images_of(source);
    if (std::error_code error; fs::exists(source, error) && !fs::is_directory(source, error))
        images = {{source, source}};
    for (const auto& [name, path] : images) {
        const auto found = service_access(path);
        if (found.access != Access::whole)
            (found.access == Access::none ? problems : warnings)
                .push_back(fmt::format("{}: image {}: {}", said ? said->place() : config.file, path,
                                       found.why));
    }
}

std::string describe(const Config& config) {
    const auto source = config.text("images", default_images());
    std::string text;
    std::error_code error;
    if (fs::is_directory(source, error)) {
        for (const auto& [name, path] : images_of(source))
            text += fmt::format("image {}: {}\n", name, path);
        if (text.empty())
            text = fmt::format("images {}: none yet; they may be put there at any time\n", source);
    } else {
        text = fmt::format("image {}\n", source);
    }
    for (const auto& client : config.clients) {
        const auto root = client.text("root");
        text += fmt::format("client {}: {}\n", client.name(),
                            root.empty() ? "what every client gets" : root);
    }
    return text;
}

} // namespace bootview::config
