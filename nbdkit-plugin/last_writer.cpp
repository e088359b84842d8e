#include "nbdkit-plugin/last_writer.h"

#include "common/descriptor.h"

#include <array>
#include <cstdio>
#include <exception>

#include <fcntl.h>
#include <unistd.h>

namespace bootview::plugin {

std::string read_last_writer(const std::string& file) {
    const Descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    std::array<char, 256> text{}; // longer than any address
    const ssize_t got = opened ? ::read(opened.get(), text.data(), text.size()) : -1;
    if (got <= 0)
        return {};
    const std::string client{text.data(), static_cast<std::size_t>(got)};
    // A whole line of printable characters, or somebody else's file.
    const std::size_t end = client.find('\n');
    if (end == std::string::npos || client.find_first_not_of("0123456789abcdef.:") != end)
        return {};
    return client.substr(0, end);
}

void note_last_writer(const std::string& file, const std::string& client) noexcept {
    try {
        const std::string fresh = file + ".new";
        const std::string line = client + "\n";
        ::unlink(fresh.c_str());
        Descriptor opened{
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644)};
        if (!opened)
            return;
        const bool whole =
            ::write(opened.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
        if (!whole || ::rename(fresh.c_str(), file.c_str()) != 0)
            ::unlink(fresh.c_str());
    } catch (const std::exception&) { // no memory: nothing is kept
    }
}

void forget_last_writer(const std::string& file) noexcept {
    ::unlink(file.c_str());
}

} // namespace bootview::plugin
