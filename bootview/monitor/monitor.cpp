#include "bootview/monitor/monitor.h"

#include "bootview/failure.h"
#include "bootview/monitor/http_get.h"
#include "bootview/monitor/journal.h"
#include "bootview/monitor/metrics.h"
#include "bootview/monitor/model.h"
#include "bootview/monitor/page.h"
#include "bootview/monitor/status_json.h"
#include "common/http_server.h"
#include "common/log_output.h"
#include "common/service_notify.h"
#include "common/take_over_signals.h"
#include "events/listener.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>

namespace bootview::monitor {

namespace {

using std::chrono::system_clock;

constexpr std::chrono::milliseconds patience_with_tftp{200};

// SIGINT and SIGTERM, as something to be polled.
bool is_asked_to_end(int signals) {
    signalfd_siginfo info{};
    bool end = false;
    while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        end = end || info.ssi_signo != SIGHUP;
    return end;
}

class Monitor {
public:
    explicit Monitor(const Options& options)
        : options_(options),
          listener_(options.socket + ".events",
                    {[this](std::uint64_t part, const events::Event& event) {
                         model_.take(part, event, system_clock::now());
                     },
                     [this](std::uint64_t part) { model_.gone(part, system_clock::now()); }}) {
        model_.on_entry([this](const Client& client, const Entry& entry) { note(client, entry); });
        open(options.socket + ".status");
        if (!options.status_page.empty()) {
            open(options.status_page);
            fmt::print(stderr, "status page: http://{}/\n", servers_.back()->address());
        }
    }

    void run(int signals) {
        std::vector<pollfd> wait{{signals, POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
        for (const auto& server : servers_)
            wait.push_back({server->fd(), POLLIN, 0});
        notify_service_manager("READY=1");
        for (;;) {
            if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR)
                throw Failure(fmt::format("poll: {}", std::generic_category().message(errno)));
            if (wait[0].revents != 0 && is_asked_to_end(signals))
                return;
            if (wait[1].revents != 0)
                listener_.handle();
            for (std::size_t i = 0; i < servers_.size(); ++i)
                if (wait[i + 2].revents != 0)
                    servers_[i]->handle();
        }
    }

private:
    void open(const std::string& where) {
        try {
            servers_.push_back(std::make_unique<HttpServer>(
                where, [this](const std::string& path) { return answer(path); }));
        } catch (const std::invalid_argument& error) {
            throw Failure(fmt::format("--status-page: {}", error.what()));
        } catch (const std::system_error& error) {
            throw Failure(fmt::format("{}: {}; name another one", where, error.code().message()));
        }
    }

    // tftp-bridge says itself what it offered and sent. In a journal all belongs together.
    void note(const Client& client, const Entry& entry) {
        if (journal_)
            journal_->write(client, entry);
        else if (entry.happened != Happened::offer && entry.happened != Happened::file)
            write_log_line(fmt::format("{} {}", client.key(), describe(entry)));
    }

    HttpResponse answer(const std::string& path) {
        const auto now = system_clock::now();
        if (path == "/metrics")
            return {.type = "text/plain; version=0.0.4", .body = metrics_text(model_) + of_tftp()};
        const auto status = status_json(model_, since_, now);
        if (path == "/status.json")
            return {.type = "application/json",
                    .body = status.dump(-1, ' ', false,
                                        nlohmann::ordered_json::error_handler_t::replace) +
                            "\n"};
        if (path == "/")
            return {.type = "text/html; charset=utf-8", .body = page(status)};
        if (const auto html = client_page(status, path))
            return {.type = "text/html; charset=utf-8", .body = *html};
        return {.status = 404, .body = "There is /, /status.json and /metrics.\n"};
    }

    std::string of_tftp() const {
        if (options_.tftp_metrics.empty())
            return {};
        return http_get(options_.tftp_metrics, "/metrics", patience_with_tftp).value_or("");
    }

    const Options options_;
    const Time since_ = system_clock::now();
    Model model_;
    std::optional<Journal> journal_ = Journal::of_this_service();
    events::Listener listener_;
    std::vector<std::unique_ptr<HttpServer>> servers_;
};

} // namespace

int run(const Options& options) {
    const Descriptor signals = take_over_signals({SIGINT, SIGTERM, SIGHUP});
    ::signal(SIGPIPE, SIG_IGN);
    try {
        Monitor monitor(options);
        monitor.run(signals.get());
    } catch (const std::runtime_error& error) {
        throw Failure(error.what());
    }
    return 0;
}

} // namespace bootview::monitor
