#include "tests/support/serving_stack.h"

#include "common/descriptor.h"
#include "tests/support/image_builder.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace bootview::test {

namespace {

// Waits for something that is about to become true; no test depends on how long it takes.
void wait_for(const std::string& what, ChildProcess& child, const std::function<bool()>& ready,
              const ServingStack& stack) {
    for (int i = 0; i < 3000; ++i) {
        if (ready())
            return;
        if (!child.running())
            throw std::runtime_error(what + " ended at once:\n" + stack.logs());
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    throw std::runtime_error(what + " did not start:\n" + stack.logs());
}

bool accepts_connections(const std::string& path) {
    const Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
           0;
}

bool is_mounted(const std::string& path) {
    struct stat here {};
    struct stat parent {};
    return ::stat(path.c_str(), &here) == 0 && ::stat((path + "/..").c_str(), &parent) == 0 &&
           here.st_dev != parent.st_dev;
}

std::uint16_t free_udp_port() {
    const Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no free UDP port");
    return ntohs(address.sin_port);
}

bool udp_port_is_bound(std::uint16_t port) {
    const Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
           errno == EADDRINUSE;
}

} // namespace

std::string plugin_path() {
    return BOOTVIEW_PLUGIN;
}
std::string fuse_fatimg_path() {
    return BOOTVIEW_FUSE_FATIMG;
}
std::string tftp_bridge_path() {
    return BOOTVIEW_TFTP_BRIDGE;
}

bool built_with_a_sanitizer() {
    return !std::string_view{BOOTVIEW_SANITIZE}.empty();
}

std::vector<std::string> sanitizer_environment() {
    const std::string_view kind = BOOTVIEW_SANITIZE;
    if (kind.empty())
        return {};
    // The C++ library, too: the sanitizer looks for its throw function before the plugin brings it.
    std::string preload;
    for (const std::string library :
         {kind.find("thread") != std::string_view::npos ? "libtsan.so" : "libasan.so",
          "libstdc++.so"}) {
        std::string path;
        run({"g++", "-print-file-name=" + library}, &path);
        while (!path.empty() && path.back() == '\n')
            path.pop_back();
        std::error_code ignored;
        preload +=
            (preload.empty() ? "" : ":") + std::filesystem::canonical(path, ignored).string();
    }
    // nbdkit itself leaks a little at exit; what we leak, fuse-fatimg's and the unit tests' runs
    // show.
    const char* options = std::getenv("ASAN_OPTIONS");
    return {"LD_PRELOAD=" + preload,
            fmt::format("ASAN_OPTIONS={}:detect_leaks=0", options != nullptr ? options : "")};
}

bool can_mount() {
    return ::access("/dev/fuse", R_OK | W_OK) == 0;
}

ServingStack::ServingStack(std::string image) : image_(std::move(image)) {
    ::mkdir(mount().c_str(), 0700);
    ::mkdir(notify().c_str(), 0700);
}

ServingStack::~ServingStack() {
    tftp_.stop();
    unmount();
    nbd_.stop(std::chrono::seconds{2});
}

std::string ServingStack::uri() const {
    return "nbd+unix:///?socket=" + socket();
}

void ServingStack::start_nbd() {
    ::unlink(socket().c_str());
    nbd_ = ChildProcess{
        {"nbdkit", "-f", "-U", socket(), plugin_path(), "file=" + image_, "notify=" + notify()},
        {sanitizer_environment(), directory_ / "nbd.log"}};
    wait_for(
        "nbdkit", nbd_, [&] { return accepts_connections(socket()); }, *this);
}

void ServingStack::start_view(const std::vector<std::string>& options) {
    std::vector<std::string> command{fuse_fatimg_path(), "-f", "-o", "notify=" + notify()};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {image_, mount()});
    view_ = ChildProcess{command, {{}, directory_ / "view.log"}};
    wait_for(
        "fuse-fatimg", view_, [&] { return is_mounted(mount()); }, *this);
}

void ServingStack::start_tftp() {
    tftp_port_ = free_udp_port();
    tftp_ = ChildProcess{{tftp_bridge_path(), "--root", mount(), "--listen",
                          fmt::format("127.0.0.1:{}", tftp_port_), "--log-level", "warning"},
                         {{}, directory_ / "tftp.log"}};
    wait_for(
        "tftp-bridge", tftp_, [&] { return udp_port_is_bound(tftp_port_); }, *this);
}

void ServingStack::unmount() {
    view_.stop();
    if (::umount2(mount().c_str(), MNT_DETACH) != 0 && errno == EPERM)
        run({"fusermount3", "-u", "-z", "-q", mount()});
}

std::string ServingStack::mode() const {
    std::array<char, 32> value{};
    const ssize_t size =
        ::getxattr(mount().c_str(), "user.bootview.mode", value.data(), value.size());
    return size < 0 ? std::strerror(errno)
                    : std::string(value.data(), static_cast<std::size_t>(size));
}

std::string ServingStack::logs() const {
    std::string text;
    for (const char* name : {"nbd.log", "view.log", "tftp.log"})
        if (std::filesystem::exists(directory_ / name))
            text += fmt::format("--- {}\n{}", name, read_file(directory_ / name));
    return text;
}

} // namespace bootview::test
