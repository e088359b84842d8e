#include "bootview/config/draft.h"

#include "common/images_in.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

} // namespace

Draft::Draft(std::string_view kind, const std::vector<Source>& sources)
    : head_(fmt::format("# By bootview config import {} from", kind)) {
    for (const auto& source : sources)
        head_ += " " + source.file;
    head_ += ".\n";
}

void Draft::note(const SourceLine& line, std::string_view why) {
    notes_.push_back(fmt::format("{}: {}\n#     {}", line.place(), line.text, why));
}

void Draft::remark(std::string text) {
    notes_.push_back(std::move(text));
}

std::string Draft::text() const {
    std::string text = head_;
    if (!notes_.empty())
        text += "#\n# What is different here:\n#\n";
    for (const auto& note : notes_)
        text += fmt::format("# {}\n", note);
    text += "\n";
    for (const auto& [key, value] : options_)
        text += fmt::format("{} = {}\n", key, value);
    for (const auto& [key, values] : lists_) {
        std::string list;
        for (const auto& value : values)
            list += (list.empty() ? "" : ", ") + toml_text(value);
        text += fmt::format("{} = [{}]\n", key, list);
    }
    for (const auto& client : clients_) {
        text += "\n";
        for (const auto& comment : client.comments)
            text += fmt::format("# {}\n", comment);
        const auto* before = client.commented_out ? "# " : "";
        text += fmt::format("{}[[client]]\n", before);
        for (const auto& [key, value] : client.keys)
            text += fmt::format("{}{} = {}\n", before, key, value);
    }
    return text;
}

void ImageSet::add(const std::string& path) {
    if (std::find(paths_.begin(), paths_.end(), path) == paths_.end())
        paths_.push_back(path);
}

std::string ImageSet::directory() const {
    std::map<std::string, int> counts;
    std::string best;
    for (const auto& path : paths_) // of several, the first that was named
        ++counts[fs::path(path).parent_path().string()];
    for (const auto& path : paths_)
        if (const auto directory = fs::path(path).parent_path().string();
            best.empty() || counts[directory] > counts[best])
            best = directory;
    return best;
}

std::string ImageSet::name_of(const std::string& path) const {
    const fs::path image(path);
    std::vector<std::string> beside;
    for (const auto& other : paths_)
        if (fs::path(other).parent_path() == image.parent_path())
            beside.push_back(fs::path(other).filename().string());
    const auto names = image_names(beside);
    const auto found = names.find(image.filename().string());
    return found == names.end() ? image.filename().string() : found->second;
}

bool ImageSet::is_inside(const std::string& path) const {
    return fs::path(path).parent_path().string() == directory();
}

} // namespace bootview::config
