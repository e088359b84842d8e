#include "common/acceptor.h"

#include "common/http_server.h"
#include "common/unix_socket.h"
#include "tests/support/temporary_directory.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace bootview {
namespace {

// Takes all descriptors there are, but a few, as long as it lives.
class NoDescriptorsLeft {
public:
    explicit NoDescriptorsLeft(int but) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit low{64, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &low);
        for (Descriptor fd; (fd = Descriptor{::open("/dev/null", O_RDONLY)});)
            taken_.push_back(std::move(fd));
        taken_.resize(taken_.size() - static_cast<std::size_t>(but));
    }
    ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
    NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;

private:
    rlimit before_{};
    std::vector<Descriptor> taken_;
};

// How often the loop is woken by what waits; 1000: for ever.
template<typename Server>
int wake_ups(Server& server) {
    int count = 0;
    for (pollfd ready{server.fd(), POLLIN, 0}; count < 1000 && ::poll(&ready, 1, 0) == 1; ++count)
        server.handle();
    return count;
}

void ask(int fd) {
    EXPECT_GT(::send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 0);
}

TEST(Acceptor, AServerWithoutDescriptorsTurnsClientsAwayAndDoesNotSpin) {
    const test::TemporaryDirectory directory;
    const auto path = (directory.path() / "socket").string();
    HttpServer server(path, [](const std::string&) { return HttpResponse{.body = "here"}; });
    {
        const NoDescriptorsLeft none(3);
        std::vector<Descriptor> clients;
        for (int i = 0; i < 3; ++i)
            clients.push_back(connect_to(path, SOCK_STREAM));
        EXPECT_LT(wake_ups(server), 20);
        std::array<char, 1> byte{};
        EXPECT_EQ(::recv(clients[0].get(), byte.data(), 1, MSG_DONTWAIT), 0)
            << "the client is told, and does not wait for ever";
    }
    const auto later = connect_to(path, SOCK_STREAM);
    ask(later.get());
    wake_ups(server);
    std::array<char, 4096> answer{};
    EXPECT_GT(::recv(later.get(), answer.data(), answer.size(), MSG_DONTWAIT), 0);
}

TEST(Acceptor, WithoutASpareDescriptorItDoesNotSpinEither) {
    const test::TemporaryDirectory directory;
    const auto path = (directory.path() / "socket").string();
    const Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
    const auto listener = listen_at(path, SOCK_STREAM);
    const auto waiting = connect_to(path, SOCK_STREAM);
    std::optional<Acceptor> acceptor;
    const auto rounds = [&] {
        int count = 0;
        for (epoll_event event; count < 1000 && ::epoll_wait(epoll.get(), &event, 1, 0) == 1;
             ++count)
            EXPECT_FALSE(acceptor->accept());
        return count;
    };
    {
        const NoDescriptorsLeft none(0);
        acceptor.emplace(epoll.get(), listener.get(), epoll_data_t{.fd = listener.get()});
        EXPECT_LT(rounds(), 20);
    }
    const auto next = connect_to(path, SOCK_STREAM);
    epoll_event event;
    int accepted = 0;
    while (accepted < 2 && ::epoll_wait(epoll.get(), &event, 1, 0) == 1)
        accepted += acceptor->accept() ? 1 : 0;
    EXPECT_EQ(accepted, 2) << "all that waited are taken when there is room again";
}

} // namespace
} // namespace bootview
