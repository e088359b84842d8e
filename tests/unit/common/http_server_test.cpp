#include "common/http_server.h"
#include "common/unix_socket.h"
#include "tests/support/temporary_directory.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace bootview {
namespace {

// A server that runs until it is destroyed.
class Running {
public:
    explicit Running(const std::string& where, std::size_t body_size = 5)
        : server_(where,
                  [body_size](const std::string& path) {
                      return path == "/" ? HttpResponse{.body = std::string(body_size, 'x')}
                                         : HttpResponse{.status = 404, .body = "none\n"};
                  }),
          thread_([this] {
              while (!stop_) {
                  pollfd wait{server_.fd(), POLLIN, 0};
                  if (::poll(&wait, 1, 10) == 1)
                      server_.handle();
              }
          }) {}
    ~Running() {
        stop_ = true;
        thread_.join();
    }
    const std::string& address() const { return server_.address(); }

private:
    HttpServer server_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

Descriptor connect_to_port(const std::string& address) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    four.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    Descriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&four), sizeof four), 0);
    return fd;
}

void say(const Descriptor& fd, const std::string& text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
}

std::string hear_all(const Descriptor& fd) {
    std::string all;
    char part[65536];
    for (ssize_t got = 0; (got = ::recv(fd.get(), part, sizeof part, 0)) > 0;)
        all.append(part, static_cast<std::size_t>(got));
    return all;
}

std::string ask(const std::string& address, const std::string& request) {
    const auto fd = connect_to_port(address);
    say(fd, request);
    return hear_all(fd);
}

TEST(HttpServer, AnswersGetAndHead) {
    const Running server("0");
    const auto got = ask(server.address(), "GET / HTTP/1.1\r\nHost: localhost:80\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.0 200 OK\r\n")) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\nxxxxx")) << got;
    const auto head = ask(server.address(), "HEAD / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n");
    EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
    EXPECT_NE(head.find("Content-Length: 5\r\n"), std::string::npos) << head;
}

TEST(HttpServer, RefusesWhatItCannotAnswer) {
    const Running server("127.0.0.1:0");
    EXPECT_TRUE(ask(server.address(), "GET /no HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                    .starts_with("HTTP/1.0 404"));
    EXPECT_TRUE(ask(server.address(), "POST / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                    .starts_with("HTTP/1.0 405"));
    EXPECT_TRUE(ask(server.address(), "nonsense\r\n\r\n").starts_with("HTTP/1.0 400"));
}

TEST(HttpServer, AnswersToTheNamesOfThisMachine) {
    const Running server("0");
    char name[256] = {};
    ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
    const auto short_name = std::string(name).substr(0, std::string(name).find('.'));
    for (const auto& host : {std::string(name), short_name, short_name + ".local",
                             short_name + ".LOCAL.:80", std::string("LocalHost:80")})
        EXPECT_TRUE(ask(server.address(), "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                        .starts_with("HTTP/1.0 200"))
            << host;
    EXPECT_TRUE(
        ask(server.address(), "GET / HTTP/1.1\r\nHost: " + short_name + ".evil.example\r\n\r\n")
            .starts_with("HTTP/1.0 403"));
}

// A page on the web whose name is made to lead to this machine must not read who boots here.
TEST(HttpServer, AnswersNoStrangersName) {
    const Running server("0");
    for (const auto* host : {"Host: evil.example\r\n", "Host: 127.0.0.1.evil.example\r\n"})
        EXPECT_TRUE(ask(server.address(), std::string("GET / HTTP/1.1\r\n") + host + "\r\n")
                        .starts_with("HTTP/1.0 403"))
            << host;
}

TEST(HttpServer, TakesARequestInPiecesAndGivesMoreThanASocketHolds) {
    constexpr std::size_t size = 20'000'000;
    const Running server("0", size);
    const auto fd = connect_to_port(server.address());
    for (const char c : std::string("GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))
        say(fd, std::string(1, c));
    const auto answer = hear_all(fd);
    EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, size);
}

TEST(HttpServer, IsHeldUpByNobody) {
    const Running server("0");
    std::vector<Descriptor> silent;
    for (int i = 0; i < 40; ++i)
        silent.push_back(connect_to_port(server.address()));
    EXPECT_TRUE(ask(server.address(), "GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                    .starts_with("HTTP/1.0 200"));
}

TEST(HttpServer, TakesAwayItsSocket) {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "status";
    { const Running server(path); }
    struct stat info {};
    EXPECT_NE(::stat(path.c_str(), &info), 0);
}

TEST(HttpServer, SaysWhatItCannotListenOn) {
    const auto nothing = [](const std::string&) { return HttpResponse{}; };
    for (const auto* where : {"", "x", "70000", "1.2.3:80", "::1:80", "80 "})
        EXPECT_THROW(HttpServer(where, nothing), std::invalid_argument) << where;
    EXPECT_THROW(HttpServer("/nosuch/socket", nothing), std::system_error);
}

} // namespace
} // namespace bootview
