#include "tree_listing.h"

#include "sha256.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <deque>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace oracle {
namespace {

std::string escaped(const std::string& path) {
    std::string text;
    for (const unsigned char byte : path) {
        if (byte > 0x20 && byte < 0x7F && byte != '%' && byte != '\\') {
            text += static_cast<char>(byte);
        } else {
            char code[4];
            std::snprintf(code, sizeof code, "%%%02X", byte);
            text += code;
        }
    }
    return text;
}

struct Directory {
    std::string path; // below the root; empty: the root itself
    std::size_t depth;
};

class Lister {
public:
    Lister(std::string root, const Limits& limits, std::FILE* out)
        : root_(std::move(root)), limits_(limits), out_(out) {}

    // Level by level, so that a loop in one branch does not use up what others are allowed.
    void run() {
        struct stat status {};
        if (lstat(root_.c_str(), &status) != 0) {
            std::fprintf(out_, "error . stat=%s\n", errno_name(errno).c_str());
            return;
        }
        print_directory(".", status);
        std::deque<Directory> waiting{{"", 0}};
        while (!waiting.empty()) {
            const auto directory = waiting.front();
            waiting.pop_front();
            if (!list(directory, waiting))
                return;
        }
    }

private:
    bool list(const Directory& directory, std::deque<Directory>& waiting) {
        const auto shown = directory.path.empty() ? "." : escaped(directory.path);
        auto names = read_names(directory, shown);
        std::sort(names.begin(), names.end());
        for (const auto& name : names) {
            const auto path = directory.path.empty() ? name : directory.path + '/' + name;
            if (++entries_ > limits_.entries) {
                std::fprintf(out_, "limit %s\n", escaped(path).c_str());
                return false;
            }
            struct stat status {};
            if (lstat((root_ + '/' + path).c_str(), &status) != 0) {
                std::fprintf(out_, "error %s stat=%s\n", escaped(path).c_str(),
                             errno_name(errno).c_str());
            } else if (S_ISDIR(status.st_mode)) {
                print_directory(escaped(path), status);
                if (directory.depth + 1 < limits_.depth)
                    waiting.push_back({path, directory.depth + 1});
                else
                    std::fprintf(out_, "limit %s\n", escaped(path).c_str());
            } else {
                std::fprintf(out_,
                             "file %s size=%" PRIu64 " mtime=%lld atime=%lld mode=%o data=%s\n",
                             escaped(path).c_str(), static_cast<std::uint64_t>(status.st_size),
                             static_cast<long long>(status.st_mtime),
                             static_cast<long long>(status.st_atime), status.st_mode & 07777,
                             content(root_ + '/' + path, status).c_str());
            }
        }
        return true;
    }

    std::vector<std::string> read_names(const Directory& directory, const std::string& shown) {
        std::vector<std::string> names;
        auto* const stream = opendir((root_ + '/' + directory.path).c_str());
        if (stream == nullptr) {
            std::fprintf(out_, "error %s list=%s\n", shown.c_str(), errno_name(errno).c_str());
            return names;
        }
        for (;;) {
            errno = 0;
            const auto* const entry = readdir(stream);
            if (entry == nullptr) {
                if (errno != 0)
                    std::fprintf(out_, "error %s list=%s\n", shown.c_str(),
                                 errno_name(errno).c_str());
                break;
            }
            const std::string name = entry->d_name;
            if (name != "." && name != "..")
                names.push_back(name);
            // A listing that never ends.
            if (names.size() > limits_.entries)
                break;
        }
        closedir(stream);
        return names;
    }

    void print_directory(const std::string& shown, const struct stat& status) {
        std::fprintf(out_, "dir %s mtime=%lld atime=%lld mode=%o\n", shown.c_str(),
                     static_cast<long long>(status.st_mtime),
                     static_cast<long long>(status.st_atime), status.st_mode & 07777);
    }

    std::string content(const std::string& path, const struct stat& status) {
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (file < 0)
            return errno_name(errno) + "@open";
        Sha256 hash;
        std::uint64_t length = 0;
        std::string result;
        buffer_.resize(64 << 10);
        for (;;) {
            const auto count = read(file, buffer_.data(), buffer_.size());
            if (count < 0) {
                result = errno_name(errno) + '@' + std::to_string(length);
                break;
            }
            length += static_cast<std::uint64_t>(count);
            read_ += static_cast<std::uint64_t>(count);
            hash.update({buffer_.data(), static_cast<std::size_t>(count)});
            if (count == 0) {
                result = hash.finish();
                if (length != static_cast<std::uint64_t>(status.st_size))
                    result += '@' + std::to_string(length);
                break;
            }
            if (length >= limits_.bytes || read_ >= limits_.total_bytes) {
                result = hash.finish() + '+';
                break;
            }
        }
        close(file);
        return result;
    }

    const std::string root_;
    const Limits limits_;
    std::FILE* const out_;
    std::size_t entries_ = 0;
    std::uint64_t read_ = 0;
    std::vector<std::uint8_t> buffer_;
};

} // namespace

// strerrorname_np() is not everywhere, and numbers are the same on both sides but read badly.
std::string errno_name(int number) {
    switch (number) {
    case EIO:
        return "EIO";
    case ENOENT:
        return "ENOENT";
    case ESTALE:
        return "ESTALE";
    case EINVAL:
        return "EINVAL";
    case ENAMETOOLONG:
        return "ENAMETOOLONG";
    case ENOTDIR:
        return "ENOTDIR";
    case ELOOP:
        return "ELOOP";
    case EFBIG:
        return "EFBIG";
    case ENOMEM:
        return "ENOMEM";
    case EACCES:
        return "EACCES";
    case EPERM:
        return "EPERM";
    case ENOTCONN:
        return "ENOTCONN";
    case EUCLEAN:
        return "EUCLEAN";
    default:
        return "E" + std::to_string(number);
    }
}

void list_tree(const std::string& root, const Limits& limits, std::FILE* out) {
    Lister{root, limits, out}.run();
}

} // namespace oracle
