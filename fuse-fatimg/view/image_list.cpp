#include "fuse-fatimg/view/image_list.h"

#include "fuse-fatimg/image/packed.h"
#include "fuse-fatimg/log.h"

#include <exception>
#include <system_error>

#include <fmt/format.h>

namespace bootview::view {

ImageList::ImageList(std::string directory, TreeOptions options, NodeTable& nodes)
    : directory_(std::move(directory)), options_(std::move(options)), nodes_(nodes) {}

ImageList::~ImageList() {
    for (const auto& tree : known())
        tree->kill_all();
}

std::vector<ImageList::Named> ImageList::look() {
    std::vector<Named> found;
    for (const auto& [name, path] : look_at_directory())
        if (auto tree = tree_of(name, path))
            found.push_back({name, std::move(tree)});
    return found;
}

std::shared_ptr<ImageTree> ImageList::find(std::string_view name) {
    if (directory_.generation() != generation_)
        look_at_directory();
    const auto found = directory_.find(name);
    return found ? tree_of(found->name, found->path) : nullptr;
}

std::vector<std::shared_ptr<ImageTree>> ImageList::known() const {
    std::vector<std::shared_ptr<ImageTree>> trees;
    for (const auto& [path, image] : images_)
        if (image.tree)
            trees.push_back(image.tree);
    return trees;
}

// The tree of an image; null if it holds no FAT. What holds none is looked at again when it
// changed.
std::shared_ptr<ImageTree> ImageList::tree_of(const std::string& name, const std::string& path) {
    Image& known = images_[path];
    if (known.tree) {
        note_name(known, name, path);
        return known.tree;
    }
    try {
        const auto source = options_.open(path);
        const image::Stamp stamp = source->stamp();
        if (known.id == source->id() && known.stamp == stamp)
            return nullptr;
        const bool is_news = known.id != source->id();
        known.id = source->id();
        known.stamp = stamp;
        try {
            known.tree = ImageTree::open(path, options_, nodes_, next_number_, 0);
            ++next_number_;
            known.name = name;
            log::info(fmt::format("{}: shown as {}/", path, name));
        } catch (const fat::Refused& e) {
            if (is_news)
                log::info(fmt::format("{}: not shown: {}", path, e.what()));
        }
    } catch (const std::exception& e) {
        log::warning(fmt::format("{}: not shown: {}", path, e.what()));
    }
    return known.tree;
}

// An image has another name when one came, or went, that has the first right to it.
void ImageList::note_name(Image& known, const std::string& name, const std::string& path) {
    if (known.name == name)
        return;
    log::warning(fmt::format("{}: is {}/ from now on, not {}/: of two images with one name the one "
                             "that ends in .img has it",
                             path, name, known.name));
    known.name = name;
}

// Which images there are now; those that are there no longer are forgotten.
std::map<std::string, std::string> ImageList::look_at_directory() {
    generation_ = directory_.generation();
    auto images = directory_.images();
    std::set<std::string> paths;
    for (const auto& [name, path] : images)
        paths.insert(path);
    for (auto i = images_.begin(); i != images_.end();) {
        const bool exists = paths.contains(i->first);
        if (!exists && i->second.tree)
            i->second.tree->kill_all();
        i = exists ? std::next(i) : images_.erase(i);
    }
    tell_of_missing();
    return images;
}

// Once of each: whoever put it there may wait for it to be shown.
void ImageList::tell_of_missing() {
    std::set<std::string> now;
    for (const std::string& path : directory_.not_yet_images()) {
        now.insert(path);
        if (told_of_.contains(path))
            continue;
        try {
            const auto source = options_.open(path);
            const std::string reason = image::packed(*source);
            log::info(fmt::format("{}: not shown: {}", path,
                                  !reason.empty()       ? reason
                                  : source->size() == 0 ? "is empty: copy the image there first"
                                                        : "is packed, by its name"));
        } catch (const std::exception& e) {
            log::warning(fmt::format("{}: not shown: {}", path, e.what()));
        }
    }
    told_of_ = std::move(now);
}

} // namespace bootview::view
