#include "bootview/private_file.h"

#include "bootview/failure.h"
#include "change-ring/path.h"
#include "common/descriptor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace bootview {

namespace {

[[noreturn]] void fail(const std::string& path) {
    throw Failure(fmt::format("{}: can't be written: {}; let this user write there", path,
                              std::strerror(errno))); // NOLINT(concurrency-mt-unsafe): one thread
}

// Makes `path` from one that ends in XXXXXX; false with errno.
bool make(std::string& path, std::string_view text, mode_t mode) {
    const Descriptor file{::mkstemp(path.data())};
    if (!file || ::fchmod(file.get(), mode) != 0)
        return false;
    while (!text.empty()) {
        const ssize_t n = ::write(file.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            const int error = errno;
            ::unlink(path.c_str());
            errno = error;
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

} // namespace

void replace_file(const std::string& path, std::string_view text, mode_t mode) {
    std::string temporary = path + ".XXXXXX";
    if (!make(temporary, text, mode))
        fail(path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(temporary.c_str());
        errno = error;
        fail(path);
    }
}

PrivateFile::PrivateFile(const std::string& name, std::string_view text) {
    for (const auto& directory : {ring::make_runtime_directory(), std::string("/tmp")}) {
        path_ = directory + "/" + name + "-XXXXXX";
        if (!directory.empty() && make(path_, text, 0600))
            return;
    }
    fail(path_);
}

PrivateFile::~PrivateFile() {
    ::unlink(path_.c_str());
}

} // namespace bootview
