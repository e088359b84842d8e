#include "common/images_in.h"

#include <filesystem>
#include <system_error>
#include <vector>

namespace bootview {

std::map<std::string, std::string> images_in(const std::string& directory) {
    std::map<std::string, std::vector<std::filesystem::path>> by_stem;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{directory, error}) {
        std::error_code gone; // a file may vanish while we look
        if (!entry.path().filename().string().starts_with('.') &&
            (entry.is_regular_file(gone) || entry.is_block_file(gone)))
            by_stem[entry.path().stem().string()].push_back(entry.path());
    }
    if (error)
        throw std::system_error(error, directory);
    std::map<std::string, std::string> images;
    for (const auto& [stem, files] : by_stem)
        for (const auto& file : files)
            images.emplace(files.size() == 1 ? stem : file.filename().string(), file.string());
    return images;
}

} // namespace bootview
