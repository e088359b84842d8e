#include "common/log_output.h"

#include "common/descriptor.h"
#include "common/printable.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace bootview {
namespace {

constexpr std::size_t max_line = 4000; // PIPE_BUF is 4096; an end of line, and the count of losses

class LogOutput {
public:
    void write(std::string_view line) {
        const std::lock_guard lock(mutex_);
        look_at_stderr();
        if (!finish_rest()) {
            ++lost_;
            return;
        }
        if (lost_ > 0) {
            if (!put("(" + std::to_string(lost_) +
                     " lines of this log were lost, because nobody read it)\n")) {
                ++lost_;
                return;
            }
            lost_ = 0;
        }
        auto text = printable(line);
        if (text.size() > max_line)
            text.replace(max_line, std::string::npos, "...");
        if (!put(text + "\n"))
            ++lost_;
    }

    void release() {
        const std::scoped_lock guard{mutex_};
        own_.reset();
        rest_.clear();
        device_ = 0;
        inode_ = 0;
    }

private:
    enum class Way { plain, reopened, polled, sent };

    // Somebody may have put another file in its place.
    void look_at_stderr() {
        struct stat status {};
        if (::fstat(STDERR_FILENO, &status) != 0 ||
            (status.st_dev == device_ && status.st_ino == inode_))
            return;
        device_ = status.st_dev;
        inode_ = status.st_ino;
        rest_.clear();
        own_.reset();
        if (S_ISSOCK(status.st_mode)) {
            way_ = Way::sent;
        } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
            own_.reset(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
            way_ = own_ ? Way::reopened : Way::polled;
        } else {
            way_ = Way::plain;
        }
    }

    // What could be written without waiting; negative: nothing.
    ssize_t write_some(std::string_view text) const {
        switch (way_) {
        case Way::sent:
            return ::send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        case Way::reopened:
            return ::write(own_.get(), text.data(), text.size());
        case Way::polled: {
            pollfd room{STDERR_FILENO, POLLOUT, 0};
            if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0)
                return -1;
            break;
        }
        case Way::plain:
            break;
        }
        return ::write(STDERR_FILENO, text.data(), text.size());
    }

    // False: nothing of it was written. A terminal or a stream socket may take a part; the rest
    // goes before the next line.
    bool put(std::string_view text) {
        ssize_t written = 0;
        do
            written = write_some(text);
        while (written < 0 && errno == EINTR);
        if (written <= 0)
            return false;
        rest_ = text.substr(static_cast<std::size_t>(written));
        return true;
    }

    bool finish_rest() {
        if (rest_.empty())
            return true;
        const auto rest = std::exchange(rest_, {});
        if (put(rest))
            return rest_.empty();
        rest_ = rest;
        return false;
    }

    std::mutex mutex_; // guards all below; held for no longer than a write that does not wait
    Way way_ = Way::plain;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    Descriptor own_;
    std::string rest_; // of a line that was begun
    std::uint64_t lost_ = 0;
};

// Never destroyed: threads may still log while the program ends.
LogOutput& log_output() {
    static auto& output = *new LogOutput;
    return output;
}

} // namespace

void write_log_line(std::string_view line) {
    log_output().write(line);
}

void release_log_output() {
    log_output().release();
}

} // namespace bootview
