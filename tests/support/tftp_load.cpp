#include "tests/support/tftp_load.h"

#include "common/descriptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace bootview::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto repeat_after = std::chrono::seconds(1);
constexpr unsigned datagrams_at_once = 64;

std::uint16_t number_at(const unsigned char* bytes) {
    return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

// Room for what one call to recvmmsg(2) takes; one for all clients.
struct Inbox {
    explicit Inbox(std::size_t datagram_bytes) : bytes(datagram_bytes * datagrams_at_once) {
        for (unsigned i = 0; i < datagrams_at_once; ++i) {
            parts[i] = {bytes.data() + i * datagram_bytes, datagram_bytes};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            messages[i].msg_hdr.msg_name = &senders[i];
        }
    }
    const unsigned char* datagram(unsigned i) const {
        return static_cast<const unsigned char*>(parts[i].iov_base);
    }
    int receive(int fd, int flags) {
        for (auto& message : messages)
            message.msg_hdr.msg_namelen = sizeof(sockaddr_in);
        return recvmmsg(fd, messages.data(), datagrams_at_once, flags, nullptr);
    }

    std::vector<unsigned char> bytes;
    std::array<iovec, datagrams_at_once> parts{};
    std::array<mmsghdr, datagrams_at_once> messages{};
    std::array<sockaddr_in, datagrams_at_once> senders{};
};

class Client {
public:
    Client(const LoadFetch& fetch, const LoadOptions& options)
        : fetch_(fetch), options_(options), fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        if (!fd_)
            throw std::runtime_error("no socket");
        const int room = 4 << 20;
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        request_ = std::string("\0\1", 2) + fetch.name + '\0' + "octet" + '\0';
        if (options.size_only)
            add_option("tsize", 0);
        if (options.block_size != 512)
            add_option("blksize", options.block_size);
        if (options.window != 1)
            add_option("windowsize", options.window);
    }

    int fd() const { return fd_.get(); }
    bool done() const { return done_; }
    LoadOutcome& outcome() { return outcome_; }

    void send_request(Clock::time_point now) {
        if (outcome_.requests++ == 0)
            begun_ = progressed_ = now;
        sent_ = now;
        sockaddr_in server{};
        server.sin_family = AF_INET;
        server.sin_port = htons(options_.port);
        inet_pton(AF_INET, options_.address.c_str(), &server.sin_addr);
        sendto(fd_.get(), request_.data(), request_.size(), 0,
               reinterpret_cast<const sockaddr*>(&server), sizeof server);
    }

    void take(const Inbox& inbox, int count, Clock::time_point now) {
        for (unsigned i = 0; i < static_cast<unsigned>(count) && !done_; ++i)
            take_one(inbox.datagram(i), inbox.messages[i].msg_len, inbox.senders[i], now);
    }

    void on_time(Clock::time_point now) {
        if (done_ || now - sent_ < repeat_after)
            return;
        if (std::chrono::duration<double>(now - progressed_).count() > options_.give_up_seconds)
            return end("the server went silent");
        if (connected_)
            acknowledge(now);
        else
            send_request(now);
    }

private:
    void add_option(const char* name, unsigned value) {
        request_ += std::string(name) + '\0' + std::to_string(value) + '\0';
    }

    void acknowledge(Clock::time_point now) {
        const unsigned char packet[] = {0, 4, static_cast<unsigned char>(done_blocks_ >> 8),
                                        static_cast<unsigned char>(done_blocks_)};
        send(fd_.get(), packet, sizeof packet, 0);
        acknowledged_ = done_blocks_;
        sent_ = now;
    }

    void stop(Clock::time_point now) {
        const char packet[] = "\0\5\0\0Early terminate";
        send(fd_.get(), packet, sizeof packet, 0);
        done_ = true;
        outcome_.right = size_ == fetch_.expected->size();
        outcome_.seconds = std::chrono::duration<double>(now - begun_).count();
    }

    void end(const char* problem) {
        done_ = true;
        outcome_.problem = problem;
    }

    void take_one(const unsigned char* packet, std::size_t size, const sockaddr_in& from,
                  Clock::time_point now) {
        if (size < 4)
            return;
        if (!connected_) { // from here on the kernel drops what others send
            connected_ =
                connect(fd_.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0;
            from_ = from;
        } else if (from.sin_port != from_.sin_port && from.sin_port != 0) {
            return;
        }
        switch (number_at(packet)) {
        case 3:
            return take_data(number_at(packet + 2), packet + 4, size - 4, now);
        case 5:
            outcome_.problem.assign(reinterpret_cast<const char*>(packet) + 4, size - 4);
            done_ = true;
            return;
        case 6:
            take_answer(packet + 2, size - 2);
            if (options_.size_only)
                return stop(now);
            if (done_blocks_ == 0)
                acknowledge(now);
            return;
        default:
            return;
        }
    }

    void take_answer(const unsigned char* text, std::size_t size) {
        const std::string answer(reinterpret_cast<const char*>(text), size);
        const auto value = [&](const std::string& name, unsigned& result) {
            if (const auto at = answer.find(name + '\0'); at != std::string::npos)
                result = static_cast<unsigned>(std::stoul(answer.c_str() + at + name.size() + 1));
        };
        value("blksize", block_size_);
        value("windowsize", window_);
        value("tsize", size_);
    }

    void take_data(std::uint16_t number, const unsigned char* data, std::size_t size,
                   Clock::time_point now) {
        if (number != static_cast<std::uint16_t>(done_blocks_ + 1)) {
            ++outcome_.repeated;
            if (!complained_ && window_ > 1)
                acknowledge(now);
            complained_ = true;
            return;
        }
        complained_ = false;
        const auto at = done_blocks_ * block_size_;
        if (at + size > fetch_.expected->size() ||
            std::memcmp(fetch_.expected->data() + at, data, size) != 0)
            return end("wrong bytes");
        ++done_blocks_;
        progressed_ = now;
        const bool last = size < block_size_;
        if (last || done_blocks_ - acknowledged_ >= window_)
            acknowledge(now);
        if (last) {
            done_ = true;
            outcome_.right = at + size == fetch_.expected->size();
            outcome_.problem = outcome_.right ? "" : "too short";
            outcome_.seconds = std::chrono::duration<double>(now - begun_).count();
        }
    }

    const LoadFetch& fetch_;
    const LoadOptions& options_;
    Descriptor fd_;
    std::string request_;
    sockaddr_in from_{};
    LoadOutcome outcome_;
    unsigned block_size_ = 512;
    unsigned window_ = 1;
    unsigned size_ = 0;
    std::uint64_t done_blocks_ = 0;
    std::uint64_t acknowledged_ = 0;
    bool connected_ = false;
    bool complained_ = false;
    bool done_ = false;
    Clock::time_point begun_{}, sent_{}, progressed_{};
};

// One client needs no epoll: it waits in the receiving call, as a boot ROM does.
void run_alone(Client& client, Inbox& inbox) {
    const timeval patience{1, 0};
    setsockopt(client.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (!client.done()) {
        const int count = inbox.receive(client.fd(), MSG_WAITFORONE);
        const auto now = Clock::now();
        client.take(inbox, std::max(count, 0), now);
        if (count <= 0)
            client.on_time(now);
    }
}

void run_together(std::vector<std::unique_ptr<Client>>& clients, Inbox& inbox) {
    const Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    for (std::size_t i = 0; i < clients.size(); ++i) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        epoll_ctl(epoll.get(), EPOLL_CTL_ADD, clients[i]->fd(), &event);
    }
    auto looked = Clock::now();
    std::array<epoll_event, 128> events;
    for (auto left = clients.size(); left > 0;) {
        const int count =
            epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 100);
        const auto now = Clock::now();
        for (int i = 0; i < count; ++i) {
            auto& client = *clients[events[static_cast<std::size_t>(i)].data.u64];
            const int got = inbox.receive(client.fd(), MSG_DONTWAIT);
            client.take(inbox, std::max(got, 0), now);
        }
        if (now - looked > std::chrono::milliseconds(100)) {
            looked = now;
            for (auto& client : clients)
                client->on_time(now);
        }
        left = static_cast<std::size_t>(std::count_if(
            clients.begin(), clients.end(), [](const auto& client) { return !client->done(); }));
    }
}

} // namespace

std::vector<LoadOutcome> fetch_together(const std::vector<LoadFetch>& fetches,
                                        const LoadOptions& options) {
    Inbox inbox(std::max(options.block_size + 4, 600U));
    std::vector<std::unique_ptr<Client>> clients;
    for (const auto& fetch : fetches)
        clients.push_back(std::make_unique<Client>(fetch, options));
    for (auto& client : clients)
        client->send_request(Clock::now());
    if (clients.size() == 1)
        run_alone(*clients[0], inbox);
    else
        run_together(clients, inbox);
    std::vector<LoadOutcome> outcomes;
    for (auto& client : clients)
        outcomes.push_back(std::move(client->outcome()));
    return outcomes;
}

} // namespace bootview::test
