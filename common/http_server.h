// Answers short questions over HTTP (RFC 9112, version 1.0): to be asked by a browser, curl or
// Prometheus on the same machine.
//
// GET and HEAD, one request a connection, answers that fit into memory. There are few connections,
// and a new one pushes out the oldest, so nobody can hold it up. Nothing here changes anything.
#pragma once

#include "common/acceptor.h"
#include "common/descriptor.h"

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string>

namespace bootview {

struct HttpResponse {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
};

// Not thread-safe, and without a loop of its own.
class HttpServer {
public:
    // `path` as it was asked for, with what follows "?".
    using Answer = std::function<HttpResponse(const std::string& path)>;

    // `where`: "/path/of/a/socket", "PORT" of 127.0.0.1, or "ADDRESS:PORT", IPv4 or [IPv6].
    // Over TCP, only a Host that is an address or a name of this machine is answered: a page
    // somewhere on the web that has its name lead here (DNS rebinding) can't read it. Throws
    // std::invalid_argument if `where` is none of these, std::system_error if it can't be had.
    HttpServer(const std::string& where, Answer answer);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer(); // removes the Unix socket

    int fd() const { return epoll_.get(); } // readable: call handle()
    void handle();
    const std::string& address() const { return address_; } // with the port that was chosen for 0

private:
    struct Connection {
        Descriptor socket;
        std::string request;
        std::string response; // what is still to be sent of it
        bool answered = false;
    };

    void listen_on_port(const std::string& where);
    void accept_one();
    void proceed(int fd);
    bool read_request(Connection& connection);
    std::string respond(const std::string& request) const;

    Answer answer_;
    std::string path_; // of the Unix socket
    std::string address_;
    Descriptor epoll_;
    Descriptor listener_;
    std::optional<Acceptor> acceptor_;
    std::list<Connection> connections_; // the oldest first
};

} // namespace bootview
