#include "common/http_server.h"

#include "common/unix_socket.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bootview {

namespace {

constexpr std::size_t most_connections = 16;
constexpr std::size_t longest_request = 16384;

[[noreturn]] void fail() {
    throw std::system_error(errno, std::generic_category());
}

void control(int epoll, int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll, operation, fd, &event);
}

const char* reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    default:
        return "Method Not Allowed";
    }
}

// "host:80" without its port, and without the dot that makes a name absolute.
std::string_view without_port(std::string_view host) {
    host = host.substr(0, host.find(':'));
    return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

// An address in numbers. Nobody's name can lead a browser to one.
bool is_address(std::string_view host) {
    if (host.starts_with('['))
        return host.find(']') != std::string_view::npos;
    host = without_port(host);
    return std::all_of(host.begin(), host.end(), [](char c) {
        return c == '.' || std::isdigit(static_cast<unsigned char>(c)) != 0;
    });
}

// The words of a line of a file such as /etc/hosts.
std::vector<std::string> words_of(const std::string& line) {
    std::istringstream words(line.substr(0, line.find('#')));
    return {std::istream_iterator<std::string>(words), {}};
}

// What this machine is called by itself and by those around it, without asking a name server: that
// may take long. A name that only begins like ours is somebody else's, who may have it lead here.
std::vector<std::string> own_names() {
    std::array<char, 256> host_name{};
    ::gethostname(host_name.data(), host_name.size() - 1);
    const std::string name(host_name.data());
    const auto host = name.substr(0, name.find('.'));
    std::vector<std::string> names{"localhost", name, host, host + ".local"}; // RFC 6762
    std::ifstream resolver("/etc/resolv.conf");
    for (std::string line; std::getline(resolver, line);)
        if (const auto words = words_of(line);
            words.size() > 1 && (words[0] == "search" || words[0] == "domain"))
            for (auto domain = words.begin() + 1; domain != words.end(); ++domain)
                names.push_back(host + "." + *domain);
    std::ifstream hosts("/etc/hosts");
    for (std::string line; std::getline(hosts, line);)
        if (const auto words = words_of(line);
            std::find(words.begin(), words.end(), host) != words.end())
            names.insert(names.end(), words.begin() + 1, words.end());
    return names;
}

bool is_same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

bool is_this_machine(std::string_view host) {
    if (is_address(host))
        return true;
    const auto names = own_names();
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return !name.empty() && is_same_name(name, without_port(host));
    });
}

// The value of a header field; empty without it.
std::string_view field(std::string_view request, std::string_view name) {
    for (auto end = request.find("\r\n"); end != std::string_view::npos;
         end = request.find("\r\n")) {
        request.remove_prefix(end + 2);
        if (request.size() > name.size() && request[name.size()] == ':' &&
            std::equal(name.begin(), name.end(), request.begin(), [](char a, char b) {
                return a == std::tolower(static_cast<unsigned char>(b));
            })) {
            auto value = request.substr(name.size() + 1);
            value = value.substr(0, value.find("\r\n"));
            const auto first = value.find_first_not_of(" \t");
            return first == std::string_view::npos ? std::string_view{} : value.substr(first);
        }
    }
    return {};
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

// "PORT", "ADDRESS:PORT", "[ADDRESS]:PORT".
SocketAddress parse_address(const std::string& where) {
    const auto colon = where.rfind(':');
    std::string host = colon == std::string::npos ? "127.0.0.1" : where.substr(0, colon);
    const std::string port_text = colon == std::string::npos ? where : where.substr(colon + 1);
    std::uint16_t port = 0;
    const char* end = port_text.data() + port_text.size();
    const auto parsed = std::from_chars(port_text.data(), end, port);
    SocketAddress result;
    auto& four = reinterpret_cast<sockaddr_in&>(result.storage);
    auto& six = reinterpret_cast<sockaddr_in6&>(result.storage);
    if (parsed.ec == std::errc() && parsed.ptr == end && !port_text.empty()) {
        if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
            four.sin_family = AF_INET;
            four.sin_port = htons(port);
            result.length = sizeof four;
        } else if (host.starts_with('[') && host.ends_with(']') &&
                   ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six.sin6_addr) ==
                       1) {
            six.sin6_family = AF_INET6;
            six.sin6_port = htons(port);
            result.length = sizeof six;
        }
    }
    if (result.length == 0)
        throw std::invalid_argument("'" + where +
                                    "' is neither a port, nor ADDRESS:PORT, nor the path of a "
                                    "socket, which begins with /");
    return result;
}

std::string text_of(const SocketAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.storage.ss_family == AF_INET) {
        const auto& four = reinterpret_cast<const sockaddr_in&>(address.storage);
        ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(four.sin_port));
    }
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address.storage);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(six.sin6_port));
}

} // namespace

HttpServer::HttpServer(const std::string& where, Answer answer)
    : answer_(std::move(answer)), address_(where), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_)
        fail();
    if (where.starts_with('/')) {
        listener_ = listen_at(where, SOCK_STREAM);
        if (!listener_)
            fail();
        path_ = where;
    } else {
        listen_on_port(where);
    }
    acceptor_.emplace(epoll_.get(), listener_.get(), epoll_data_t{.fd = listener_.get()});
}

HttpServer::~HttpServer() {
    if (!path_.empty())
        ::unlink(path_.c_str());
}

void HttpServer::listen_on_port(const std::string& where) {
    auto address = parse_address(where);
    listener_.reset(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto* generic = reinterpret_cast<sockaddr*>(&address.storage);
    if (!listener_ || ::bind(listener_.get(), generic, address.length) != 0 ||
        ::listen(listener_.get(), most_connections) != 0)
        fail();
    ::getsockname(listener_.get(), generic, &address.length);
    address_ = text_of(address);
}

void HttpServer::handle() {
    std::array<epoll_event, most_connections + 1> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get())
            accept_one();
        else
            proceed(fd);
    }
}

void HttpServer::accept_one() {
    Descriptor socket = acceptor_->accept();
    if (!socket)
        return;
    if (connections_.size() == most_connections)
        connections_.pop_front();
    control(epoll_.get(), EPOLL_CTL_ADD, socket.get(), EPOLLIN);
    connections_.push_back({std::move(socket), {}, {}});
}

// True: it is complete, or there will be no more of it.
bool HttpServer::read_request(Connection& connection) {
    std::array<char, 4096> part;
    const auto length = ::recv(connection.socket.get(), part.data(), part.size(), 0);
    if (length < 0)
        return errno != EAGAIN && errno != EINTR;
    connection.request.append(part.data(), static_cast<std::size_t>(length));
    return length == 0 || connection.request.size() > longest_request ||
           connection.request.find("\r\n\r\n") != std::string::npos;
}

void HttpServer::proceed(int fd) {
    const auto found = std::find_if(connections_.begin(), connections_.end(),
                                    [fd](const auto& c) { return c.socket.get() == fd; });
    if (found == connections_.end())
        return; // pushed out in this very turn
    if (!found->answered) {
        if (!read_request(*found))
            return;
        found->response = respond(found->request);
        found->answered = true;
    }
    const auto sent = ::send(fd, found->response.data(), found->response.size(), MSG_NOSIGNAL);
    if (sent > 0)
        found->response.erase(0, static_cast<std::size_t>(sent));
    if (found->response.empty() || (sent < 0 && errno != EAGAIN)) {
        ::shutdown(fd, SHUT_WR);
        connections_.erase(found);
        return;
    }
    control(epoll_.get(), EPOLL_CTL_MOD, fd, EPOLLOUT);
}

std::string HttpServer::respond(const std::string& request) const {
    const std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
    const auto method_end = line.find(' ');
    const auto path_end = line.find(' ', method_end + 1);
    const bool head = line.starts_with("HEAD ");
    HttpResponse response;
    if (method_end == std::string_view::npos || path_end == std::string_view::npos)
        response = {400, "text/plain", "This is no HTTP request.\n"};
    else if (!head && !line.starts_with("GET "))
        response = {405, "text/plain", "Here one can only look: GET.\n"};
    else if (path_.empty() && !is_this_machine(field(request, "host")))
        response = {403, "text/plain",
                    "Only an address of this machine, its host name or localhost is answered; use "
                    "one of those in the address bar.\n"};
    else
        response = answer_(std::string(line.substr(method_end + 1, path_end - method_end - 1)));
    return "HTTP/1.0 " + std::to_string(response.status) + " " + reason_of(response.status) +
           "\r\nContent-Type: " + response.type +
           "\r\nContent-Length: " + std::to_string(response.body.size()) +
           "\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; img-src "
           "data:; style-src "
           "'unsafe-inline'\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n" +
           (head ? std::string() : response.body);
}

} // namespace bootview
