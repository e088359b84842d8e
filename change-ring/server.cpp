#include "change-ring/server.h"

#include "change-ring/throw_errno.h"

#include "change-ring/protocol.h"
#include "common/unix_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace bootview::ring {

namespace {

// Wakes are for those who sleep; the ring itself is always up to date. So they may come in batches.
constexpr int wake_interval_ms = 2;
constexpr std::size_t maximum_peers = 256;
// A peer that cannot be accepted stays in the queue, and would be announced again at once for ever.
constexpr int rest_ms = 250;

// What an epoll event is about: a tag in the high half, a descriptor or an index in the low one.
enum : std::uint64_t { tag_quit = 1, tag_bell = 2, tag_listener = 3, tag_peer = 4 };
constexpr std::uint64_t tagged(std::uint64_t tag, std::uint64_t value) {
    return tag << 32 | value;
}

// To give it the group that it has anyway may be forbidden where that changes nothing.
bool has_group(const std::string& path, gid_t group) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && status.st_gid == group;
}

// Nobody has made a mistake: it may be better in a while.
bool is_shortage(int error) {
    switch (error) {
    case EACCES:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
    case EPERM:
    case EROFS:
        return true;
    default:
        return false;
    }
}

NoSocket::Why reason_for(int error) {
    return is_shortage(error) ? NoSocket::Why::shortage : NoSocket::Why::mistake;
}

// The process that listens there, 0 if that is not told; nothing, if nobody does.
std::optional<pid_t> who_listens(const std::string& path) {
    const Descriptor probe = connect_to(path, SOCK_SEQPACKET);
    if (!probe && errno != EAGAIN)
        return std::nullopt;
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

void send_message(int fd, MessageType type, std::uint64_t value, int descriptor = -1) {
    Message message{type, abi_version, value};
    iovec data{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (descriptor >= 0) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof descriptor);
        std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    }
    // A full buffer loses only a wake-up.
    ::sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace

Server::Server(Access access)
    : access_(access), bell_(std::make_shared<Doorbell>()), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      quit_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!epoll_ || !quit_)
        throw_errno("epoll");
    watch(quit_.get(), tagged(tag_quit, 0));
    watch(bell_->descriptor(), tagged(tag_bell, 0));
}

Server::~Server() {
    stop();
}

void Server::watch(int fd, std::uint64_t tag) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw_errno("epoll_ctl");
}

void Server::add(std::shared_ptr<Publisher> publisher, const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/') + 1);

    // Two servers that find the same dead socket must not both replace it, so look and bind under
    // a lock on the directory.
    const Descriptor lock{
        ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!lock)
        throw NoSocket(reason_for(errno),
                       fmt::format("{}: cannot open the directory for the notification socket: {}: "
                                   "create it, or name another one with notify=",
                                   directory, std::strerror(errno)));
    ::flock(lock.get(), LOCK_EX);

    auto entry = std::make_unique<Export>();
    entry->publisher = std::move(publisher);
    entry->path = path;
    // Who connects before its mode is set is judged by may_connect() still.
    entry->listener = listen_at(path, SOCK_SEQPACKET);
    if (!entry->listener) {
        const int error = errno;
        if (const auto other = error == EADDRINUSE ? who_listens(path) : std::nullopt)
            throw NoSocket(
                NoSocket::Why::served_already,
                fmt::format("this image is served already by process {} (its notification socket "
                            "is {}), whose views would not see what is written here: stop that "
                            "one, or start this one with -r if nobody is to write, or with "
                            "notify=none if no view needs to see it",
                            *other, path));
        throw NoSocket(reason_for(error),
                       fmt::format("{}: cannot create the notification socket: {}: name another "
                                   "path with notify=",
                                   path, std::strerror(error)));
    }

    if (::chmod(path.c_str(), access_.mode) != 0 ||
        (access_.group && !has_group(path, *access_.group) &&
         ::chown(path.c_str(), static_cast<uid_t>(-1), *access_.group) != 0)) {
        const int error = errno;
        ::unlink(path.c_str());
        throw NoSocket(
            NoSocket::Why::mistake,
            fmt::format("{}: cannot set mode and group of the notification socket: {}: check "
                        "notify-mode= and notify-group=",
                        path, std::strerror(error)));
    }

    const std::scoped_lock guard{mutex_};
    watch(entry->listener.get(), tagged(tag_listener, exports_.size()));
    exports_.push_back(std::move(entry));
}

void Server::start() {
    if (thread_.joinable())
        return;
    // Signals belong to the process's main thread.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Server::stop() noexcept {
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(quit_.get(), &one, sizeof one);
        thread_.join();
    }
    peers_.clear();
    const std::scoped_lock guard{mutex_};
    for (const auto& entry : exports_)
        ::unlink(entry->path.c_str());
    exports_.clear();
}

void Server::run() noexcept {
    std::array<epoll_event, 32> events{};
    bool resting = false; // woke the subscribers a moment ago; the doorbell is not listened to
    for (;;) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), events.size(),
                         resting ? wake_interval_ms : (resting_.empty() ? -1 : rest_ms));
        if (count < 0 && errno != EINTR)
            return;
        if (!resting_.empty() && std::chrono::steady_clock::now() >= rested_at_)
            listen_again();
        bool rung = false;
        for (int i = 0; i < count; ++i) {
            switch (events[i].data.u64 >> 32) {
            case tag_quit:
                return;
            case tag_bell:
                bell_->clear_event();
                rung = true;
                break;
            default:
                serve(events[i].data.u64);
            }
        }
        if (rung || (resting && count == 0)) {
            // Listen again first, then look: what is published after the look rings.
            resting = rung;
            if (!rung)
                bell_->silence();
            wake_subscribers();
        }
    }
}

// A subscriber that cannot be served (no memory, no epoll watch left) goes without. An exception
// that left this thread would end the NBD server.
void Server::serve(std::uint64_t tag) noexcept {
    const std::uint64_t value = tag & 0xffffffff;
    try {
        if (tag >> 32 == tag_listener)
            accept_peer(value);
        else
            hear_peer(static_cast<int>(value));
    } catch (const std::exception&) {
    }
}

void Server::accept_peer(std::size_t index) {
    const std::scoped_lock guard{mutex_};
    Descriptor socket{
        ::accept4(exports_[index]->listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) {
        if (is_shortage(errno))
            rest(index);
        return;
    }
    if (!may_connect(socket.get())) {
        send_message(socket.get(), MessageType::refused, EACCES);
        return;
    }
    if (peers_.size() >= maximum_peers) {
        send_message(socket.get(), MessageType::refused, EMFILE);
        return;
    }
    const int fd = socket.get();
    watch(fd, tagged(tag_peer, static_cast<std::uint64_t>(fd)));
    peers_.emplace(fd, Peer{std::move(socket), index, false});
}

void Server::rest(std::size_t index) {
    epoll_event none{};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, exports_[index]->listener.get(), &none) == 0)
        resting_.push_back(index);
    rested_at_ = std::chrono::steady_clock::now() + std::chrono::milliseconds{rest_ms};
}

void Server::listen_again() {
    const std::scoped_lock guard{mutex_};
    for (const std::size_t index : resting_) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = tagged(tag_listener, index);
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, exports_[index]->listener.get(), &event);
    }
    resting_.clear();
}

bool Server::may_connect(int socket) const {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    if (peer.uid == 0 || peer.uid == ::geteuid() || (access_.mode & S_IWOTH) != 0)
        return true;
    if (!access_.group || (access_.mode & S_IWGRP) == 0)
        return false;
    if (peer.gid == *access_.group)
        return true;
    std::vector<gid_t> groups(64);
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    while (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
        if (errno != ERANGE || groups.size() * sizeof(gid_t) >= size)
            return false;
        groups.resize(size / sizeof(gid_t));
    }
    groups.resize(size / sizeof(gid_t));
    return std::find(groups.begin(), groups.end(), *access_.group) != groups.end();
}

void Server::hear_peer(int fd) {
    const auto found = peers_.find(fd);
    if (found == peers_.end())
        return;
    Message message{};
    const ssize_t got = ::recv(fd, &message, sizeof message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got != sizeof message || message.type != MessageType::hello) { // gone, or a stranger
        drop_peer(fd);
        return;
    }
    if (message.abi != abi_version) {
        send_message(fd, MessageType::refused, EPROTO);
        drop_peer(fd);
        return;
    }
    Peer& peer = found->second;
    const std::scoped_lock guard{mutex_};
    Publisher& publisher = *exports_[peer.export_index]->publisher;
    if (!peer.attached) {
        peer.attached = true;
        publisher.subscriber_attached();
    }
    send_message(fd, MessageType::welcome, publisher.header().slots, publisher.descriptor());
}

void Server::drop_peer(int fd) {
    const auto found = peers_.find(fd);
    if (found->second.attached) {
        const std::scoped_lock guard{mutex_};
        exports_[found->second.export_index]->publisher->subscriber_detached();
    }
    peers_.erase(found); // closing also takes it out of the epoll set
}

void Server::wake_subscribers() {
    const std::scoped_lock guard{mutex_};
    for (const auto& entry : exports_) {
        const std::uint64_t newest = entry->publisher->newest();
        const std::uint32_t writers =
            entry->publisher->header().writers.load(std::memory_order_acquire);
        entry->has_news = newest != entry->announced || writers != entry->writers;
        entry->announced = newest;
        entry->writers = writers;
    }
    for (const auto& [fd, peer] : peers_)
        if (peer.attached && exports_[peer.export_index]->has_news)
            send_message(fd, MessageType::wake, exports_[peer.export_index]->announced);
}

} // namespace bootview::ring
