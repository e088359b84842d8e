#include "common/images_in.h"

#include "common/descriptor.h"
#include "common/lower_case.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview {

namespace {

namespace fs = std::filesystem;

// The file name without its ending, which is the whole name where it has none.
std::string stem_of(const std::string& file_name) {
    const auto dot = file_name.rfind('.');
    return dot == 0 ? file_name : file_name.substr(0, dot);
}

// The names that a file has if it is an image and no other one has them. "raspios.img.1" is not
// raspios.img: whoever deletes that in order to copy it anew would be served another disk
// meanwhile.
std::vector<std::string> names_for(const std::string& file_name) {
    const std::string stem = stem_of(file_name);
    if (stem == file_name || kind_by_name(stem) == FileKind::image)
        return {file_name};
    return {stem, file_name};
}

// Equal for names that mean the same: without the case of letters, and a serial number by what
// tells boards apart.
std::string meaning_of(std::string_view name) {
    std::string meaning = lower_case(std::string{name});
    const bool is_serial =
        meaning.size() == 16 && meaning.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_serial ? meaning.substr(8) : meaning;
}

// Which of two images has a name that both could have.
bool comes_before(const std::string& a, const std::string& b) {
    const auto rank = [](const std::string& file_name) {
        return file_name.ends_with(".img") ? 0 : file_name.ends_with(".raw") ? 1 : 2;
    };
    const int rank_a = rank(a);
    const int rank_b = rank(b);
    return rank_a != rank_b ? rank_a < rank_b : a < b;
}

bool same_time(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Could the directory change once more without another time of its own? Times are as coarse as a
// file system makes them, up to 2 s.
bool is_recent(const timespec& modified) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    constexpr time_t coarsest = 3; // seconds
    return modified.tv_sec > now.tv_sec - coarsest;
}

// Empty, as while it is copied anew: its clients must not get another disk meanwhile.
bool keeps_its_name(const std::string& file_name, FileKind kind) {
    return kind == FileKind::unknown && kind_by_name(file_name) == FileKind::image;
}

FileKind kind_of_regular(const std::string& path, const std::string& file_name,
                         std::uint64_t size) {
    Descriptor file; // opened when its ending leaves a question open
    return kind_of_file(file_name, size, [&](std::uint64_t offset, std::span<char> bytes) {
        if (!file)
            file = Descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
        return file && ::pread(file.get(), bytes.data(), bytes.size(),
                               static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size());
    });
}

} // namespace

// The names of the files, unless the directory is what it was.
void ImageDirectory::read_names() {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0)
        throw std::system_error(errno, std::generic_category(), path_);
    if (settled_ && directory_.device == status.st_dev && directory_.inode == status.st_ino &&
        same_time(directory_.modified, status.st_mtim))
        return;
    std::error_code error;
    std::vector<std::string> files;
    for (fs::directory_iterator entry{path_, error}, end; !error && entry != end;
         entry.increment(error))
        if (std::string name = entry->path().filename().string(); !name.starts_with('.'))
            files.push_back(std::move(name));
    if (error)
        throw std::system_error(error, path_);
    std::sort(files.begin(), files.end(), comes_before);
    directory_ = {status.st_dev, status.st_ino, 0, status.st_mtim, {}};
    settled_ = !is_recent(status.st_mtim);
    if (files == files_ && generation_ != 0)
        return;
    ++generation_;
    files_ = std::move(files);
    files_by_name_.clear();
    files_by_meaning_.clear();
    for (const std::string& file : files_) // equal names stay in this order
        for (std::string& name : names_for(file)) {
            files_by_meaning_.emplace(meaning_of(name), file);
            files_by_name_.emplace(std::move(name), file);
        }
    std::erase_if(known_, [&](const auto& known) {
        return !std::binary_search(files_.begin(), files_.end(), known.first, comes_before);
    });
}

FileKind ImageDirectory::look_at(const std::string& file_name) {
    const std::string path = path_of(file_name);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 ||
        (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))) {
        known_.erase(file_name);
        return FileKind::unknown;
    }
    if (S_ISBLK(status.st_mode))
        return FileKind::image;
    Known& known = known_[file_name];
    const bool is_same = known.device == status.st_dev && known.inode == status.st_ino;
    // What is an image stays one: neither a client that partitions it anew nor a copy that begins
    // with emptying it takes its name away.
    if (is_same && known.kind == FileKind::image)
        return known.kind;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (is_same && known.size == size && same_time(known.modified, status.st_mtim) &&
        !is_recent(status.st_mtim))
        return known.kind;
    known = {status.st_dev, status.st_ino, size, status.st_mtim,
             kind_of_regular(path, file_name, size)};
    return known.kind;
}

// The file name of the image that has a name.
std::optional<std::string> ImageDirectory::file_named(std::string_view name) {
    const auto [begin, end] = files_by_name_.equal_range(name);
    for (auto file = begin; file != end; ++file) {
        const FileKind kind = look_at(file->second);
        if (kind == FileKind::image)
            return file->second;
        if (keeps_its_name(file->second, kind))
            return std::nullopt;
    }
    return std::nullopt;
}

// The same of a name that none has as it is written. Of several images, none.
std::optional<std::string> ImageDirectory::file_meant_by(std::string_view name) {
    std::optional<std::string> meant;
    const auto [begin, end] = files_by_meaning_.equal_range(meaning_of(name));
    for (auto file = begin; file != end; ++file) {
        if (look_at(file->second) != FileKind::image || meant == file->second)
            continue;
        if (meant)
            return std::nullopt;
        meant = file->second;
    }
    return meant;
}

std::optional<ImageDirectory::Image> ImageDirectory::image_of(const std::string& file_name) {
    for (std::string& name : names_for(file_name))
        if (file_named(name) == file_name)
            return Image{std::move(name), path_of(file_name)};
    return std::nullopt;
}

std::optional<ImageDirectory::Image> ImageDirectory::find(std::string_view name) {
    const std::scoped_lock lock{mutex_};
    read_names();
    auto file_name = file_named(name);
    if (!file_name && !files_by_name_.contains(name))
        file_name = file_meant_by(name);
    return file_name ? image_of(*file_name) : std::nullopt;
}

std::map<std::string, std::string> ImageDirectory::images() {
    const std::scoped_lock lock{mutex_};
    read_names();
    std::vector<std::string> named;
    for (const std::string& file : files_)
        if (const FileKind kind = look_at(file);
            kind == FileKind::image || keeps_its_name(file, kind))
            named.push_back(file);
    std::map<std::string, std::string> result;
    for (const auto& [file_name, name] : image_names(named))
        if (look_at(file_name) == FileKind::image)
            result.emplace(name, path_of(file_name));
    return result;
}

std::vector<std::string> ImageDirectory::not_yet_images() {
    const std::scoped_lock lock{mutex_};
    read_names();
    std::vector<std::string> paths;
    for (const std::string& file : files_) {
        const FileKind kind = look_at(file);
        if (kind != FileKind::packed &&
            (kind != FileKind::unknown || kind_by_name(file) != FileKind::image))
            continue;
        // "raspios.img.xz" is unpacked if there is a "raspios.img" or a "raspios".
        bool is_unpacked = false;
        for (std::string rest = stem_of(file), longer = file; rest != longer && !is_unpacked;
             longer = rest, rest = stem_of(rest))
            is_unpacked = file_named(rest).has_value();
        if (!is_unpacked)
            paths.push_back(path_of(file));
    }
    return paths;
}

FileKind ImageDirectory::kind_of(std::string_view file_name) {
    const std::scoped_lock lock{mutex_};
    return look_at(std::string{file_name});
}

std::uint64_t ImageDirectory::generation() {
    const std::scoped_lock lock{mutex_};
    read_names();
    return generation_;
}

std::map<std::string, std::string> images_in(const std::string& directory) {
    return ImageDirectory{directory}.images();
}

std::map<std::string, std::string> image_names(const std::vector<std::string>& file_names) {
    std::vector<std::string> files = file_names;
    std::sort(files.begin(), files.end(), comes_before);
    std::map<std::string, std::string> owners; // by name
    for (const std::string& file : files)
        for (std::string& name : names_for(file))
            owners.emplace(std::move(name), file);
    std::map<std::string, std::string> names;
    for (const std::string& file : files)
        for (std::string& name : names_for(file))
            if (owners.at(name) == file)
                names.emplace(file, std::move(name)); // the first that it has
    return names;
}

} // namespace bootview
