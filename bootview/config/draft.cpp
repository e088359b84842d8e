#include "bootview/config/draft.h"

#include "common/images_in.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

std::string_view word_of(ImportKind kind) {
    switch (kind) {
    case ImportKind::nobodd:
        return "nobodd";
    case ImportKind::nbd_server:
        return "nbd-server";
    case ImportKind::dnsmasq:
        return "dnsmasq";
    }
    return {};
}

// Comments end with their line, whatever a file was called.
std::string in_one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return text;
}

// A first line, and those that go on from it.
std::string comment(const std::string& text) {
    std::string lines;
    for (const auto& line : split(text, '\n'))
        lines += (lines.empty() ? "# " : "#     ") + in_one_line(line) + "\n";
    return lines;
}

} // namespace

Draft::Draft(const std::vector<ServerSources>& servers) {
    head_ = "By bootview config import";
    for (const auto& server : servers) {
        head_ += fmt::format(" {} from", word_of(server.kind));
        for (const auto& source : server.sources) {
            head_ += " " + source.file;
            files_.push_back(source.file);
        }
    }
    head_ = "# " + in_one_line(head_) + ".\n";
}

void Draft::note(const SourceLine& line, std::string_view why) {
    auto text = fmt::format("{}: {}\n{}", line.place(), in_one_line(line.text), why);
    if (std::any_of(notes_.begin(), notes_.end(),
                    [&](const Note& other) { return other.text == text; }))
        return;
    const auto file = std::find(files_.begin(), files_.end(), line.file);
    notes_.push_back(
        {static_cast<std::size_t>(file - files_.begin()), line.number, std::move(text)});
}

void Draft::remark(std::string text) {
    if (std::find(remarks_.begin(), remarks_.end(), text) == remarks_.end())
        remarks_.push_back(std::move(text));
}

void Draft::command(std::string line) {
    commands_.push_back(std::move(line));
}

void Draft::set(const SourceLine& line, const std::string& key, const std::string& toml) {
    const auto [found, is_new] = options_.emplace(key, toml);
    if (is_new || found->second == toml)
        return;
    note(line, fmt::format("there is one {} here: this, and no longer {}", key, found->second));
    found->second = toml;
}

void Draft::add(const std::string& key, const std::string& text) {
    auto& list = lists_[key];
    if (std::find(list.begin(), list.end(), text) == list.end())
        list.push_back(text);
}

std::string Draft::text() const {
    std::string text = head_;
    if (!commands_.empty())
        text += "#\n# Type this first:\n#\n";
    for (const auto& line : commands_)
        text += fmt::format("#     {}\n", line);
    auto notes = notes_;
    std::stable_sort(notes.begin(), notes.end(), [](const Note& a, const Note& b) {
        return std::pair(a.file, a.line) < std::pair(b.file, b.line);
    });
    if (!notes.empty() || !remarks_.empty())
        text += "#\n# What is different here:\n#\n";
    for (const auto& note : notes)
        text += comment(note.text);
    for (const auto& remark : remarks_)
        text += comment(remark);
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
        for (const auto& line : client.comments)
            text += comment(line);
        text += "[[client]]\n";
        for (const auto& [key, value] : client.keys)
            text += fmt::format("{} = {}\n", key, value);
    }
    return text;
}

void ImageSet::add(const std::string& path) {
    if (!find(path))
        images_.push_back({path});
}

void ImageSet::add(const std::string& path, const std::string& name) {
    add(path);
    for (auto& image : images_)
        if (image.path == path &&
            std::find(image.names.begin(), image.names.end(), name) == image.names.end())
            image.names.push_back(name);
}

std::string ImageSet::directory() const {
    std::map<std::string, int> counts;
    std::string best;
    for (const auto& image : images_) // of several, the first that was named
        ++counts[fs::path(image.path).parent_path().string()];
    for (const auto& image : images_)
        if (const auto directory = fs::path(image.path).parent_path().string();
            best.empty() || counts[directory] > counts[best])
            best = directory;
    return best;
}

const ImageSet::Image* ImageSet::find(const std::string& path) const {
    const auto found = std::find_if(images_.begin(), images_.end(),
                                    [&](const Image& image) { return image.path == path; });
    return found == images_.end() ? nullptr : &*found;
}

// As common/images_in.h has it.
std::string ImageSet::own_name(const std::string& path) const {
    const fs::path image(path);
    std::vector<std::string> beside;
    for (const auto& other : images_)
        if (fs::path(other.path).parent_path() == image.parent_path())
            beside.push_back(fs::path(other.path).filename().string());
    const auto names = image_names(beside);
    const auto found = names.find(image.filename().string());
    return found == names.end() ? image.filename().string() : found->second;
}

// Of an image that lies elsewhere, and that nobody has named: one that no other has.
std::string ImageSet::free_name(const std::string& path) const {
    const auto stem = fs::path(path).stem().string();
    int count = 0;
    for (const auto& other : images_) {
        if (other.path == path)
            break;
        count += fs::path(other.path).stem() == stem;
    }
    return count == 0 ? stem : fmt::format("{}-{}", stem, count + 1);
}

std::string ImageSet::name_of(const std::string& path) const {
    const auto* image = find(path);
    if (image && !image->names.empty() && image->names.front() != fs::path(path).filename())
        return image->names.front();
    return is_inside(path) ? own_name(path) : free_name(path);
}

bool ImageSet::is_inside(const std::string& path) const {
    return fs::path(path).parent_path().string() == directory();
}

std::vector<ImageSet::Link> ImageSet::links() const {
    std::vector<Link> links;
    for (const auto& image : images_) {
        auto names = image.names;
        if (names.empty())
            names.push_back(name_of(image.path));
        for (const auto& name : names) {
            if (is_inside(image.path) &&
                (name == own_name(image.path) || name == fs::path(image.path).filename()))
                continue;
            links.push_back({image.path, directory() + "/" + name + ".img"});
        }
    }
    return links;
}

} // namespace bootview::config
