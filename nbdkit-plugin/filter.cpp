// nbdkit-bootview-filter: the change ring of nbdkit-bootview-plugin, on top of any plugin.
//
// `nbdkit --filter=bootview PLUGIN … notify=SOCKET` publishes every change before the plugin makes
// it. What a subscriber has to read is therefore not a file, which there may be none of, but this
// server: fuse-fatimg is given its URI and the socket.
//
// All exports share one ring. A plugin may show one disk under several names, and a subscriber that
// hears of a change too many loses nothing; one that misses a change would show old files.
#include "change-ring/publisher.h"
#include "change-ring/server.h"
#include "nbdkit-plugin/notify_settings.h"
#include "nbdkit-plugin/peer.h"
#include "nbdkit-plugin/session_report.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <nbdkit-filter.h>
#include <sys/stat.h>

namespace {

using bootview::plugin::NotifySettings;
using bootview::plugin::SessionReport;
using bootview::ring::Kind;
using bootview::ring::Publication;
using bootview::ring::Publisher;
using bootview::ring::Writer;

NotifySettings settings;
// Null: notify=none. As in plugin.cpp not destroyed by exit(3), which ends nbdkit's first process.
std::unique_ptr<bootview::ring::Server>& server = *new std::unique_ptr<bootview::ring::Server>;
std::shared_ptr<Publisher> ring;
std::shared_ptr<bootview::events::Sender> event_sender; // null: nobody wants to know

// One client's connection.
struct Session {
    std::string export_name;
    std::optional<Writer> writer;          // one that may write
    std::unique_ptr<SessionReport> report; // null: nobody wants to know

    explicit Session(const char* name) : export_name(name != nullptr ? name : "") {}
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
};

Session& session(void* handle) {
    return *static_cast<Session*>(handle);
}

// An exception that left a callback would end the server and with it every client's connection.
template<typename Callback>
int guarded(Callback callback) noexcept {
    try {
        return callback();
    } catch (const std::exception& e) {
        nbdkit_error("bootview filter: %s", e.what());
        errno = EIO;
    } catch (...) {
        errno = EIO;
    }
    return -1;
}

void bootview_unload() {
    server.reset();
    ring.reset();
}

int bootview_config(nbdkit_next_config* next, nbdkit_backend* backend, const char* key,
                    const char* value) {
    bool taken = false;
    if (guarded([&] {
            taken = settings.set(key, value);
            return 0;
        }) != 0)
        return -1;
    return taken ? 0 : next(backend, key, value);
}

int bootview_config_complete(nbdkit_next_config_complete* next, nbdkit_backend* backend) {
    struct stat status {};
    if (settings.path.empty()) {
        nbdkit_error("bootview filter: no notify=: name a socket for it to make, such as "
                     "notify=/run/bootview/disk.sock, and give the same to fuse-fatimg -o notify=");
        return -1;
    }
    if (settings.path != "none" && ::stat(settings.path.c_str(), &status) == 0 &&
        S_ISDIR(status.st_mode)) {
        nbdkit_error("bootview filter: notify=%s: is a directory: name a socket inside of it",
                     settings.path.c_str());
        return -1;
    }
    return next(backend);
}

// The socket is bound while errors still reach the user's terminal.
int bootview_get_ready(int /*thread_model*/) {
    return guarded([] {
        if (settings.path != "none" && !bootview::plugin::was_started_read_only())
            server = std::make_unique<bootview::ring::Server>(settings.access);
        // No file is behind it: an image that is 0, 0. The size comes with the first client.
        ring = std::make_shared<Publisher>(bootview::ring::ImageId{}, 0,
                                           server ? server->doorbell() : nullptr);
        if (server)
            server->add(ring, settings.path);
        return 0;
    });
}

int bootview_after_fork(nbdkit_backend* /*backend*/) {
    return guarded([] {
        if (server)
            server->start();
        event_sender = bootview::events::Sender::from_environment();
        return 0;
    });
}

void bootview_cleanup(nbdkit_backend* /*backend*/) {
    if (server)
        server->stop();
}

void* bootview_open(nbdkit_next_open* next, nbdkit_context* context, int readonly,
                    const char* export_name, int /*is_tls*/) {
    if (next(context, readonly, export_name) != 0)
        return nullptr;
    Session* opened = nullptr;
    guarded([&] {
        opened = new Session(export_name);
        return 0;
    });
    return opened;
}

void bootview_close(void* handle) {
    delete static_cast<Session*>(handle);
}

// The first moment at which the plugin can be asked.
int bootview_prepare(nbdkit_next* next, void* handle, int readonly) {
    return guarded([&] {
        const int64_t size = next->get_size(next);
        const int can_write = readonly != 0 ? 0 : next->can_write(next);
        if (size < 0 || can_write < 0)
            return -1;
        ring->set_image_size(static_cast<std::uint64_t>(size));
        Session& client = session(handle);
        if (can_write != 0)
            client.writer.emplace(ring);
        if (event_sender)
            client.report = std::make_unique<SessionReport>(
                event_sender,
                SessionReport::About{bootview::plugin::client_address(), client.export_name, "",
                                     client.writer.has_value()});
        return 0;
    });
}

int bootview_pread(nbdkit_next* next, void* handle, void* buffer, uint32_t count, uint64_t offset,
                   uint32_t flags, int* error) {
    const int result = next->pread(next, buffer, count, offset, flags, error);
    if (result == 0 && session(handle).report)
        session(handle).report->read(count);
    return result;
}

// A change: published, made by the plugin, marked done; also one that failed, since nobody knows
// how far it got. With FUA a flush is published as well, for information.
template<typename Change>
int change(void* handle, Kind kind, uint64_t offset, uint32_t count, uint32_t flags, Change make) {
    int result = 0;
    {
        const Publication published{*ring, kind, offset, count};
        result = make();
    }
    if (result != 0)
        return result;
    const Session& client = session(handle);
    if (client.report)
        client.report->wrote(count);
    if ((flags & NBDKIT_FLAG_FUA) != 0)
        const Publication flushed{*ring, Kind::flush, 0, 0};
    return result;
}

int bootview_pwrite(nbdkit_next* next, void* handle, const void* buffer, uint32_t count,
                    uint64_t offset, uint32_t flags, int* error) {
    return change(handle, Kind::write, offset, count, flags,
                  [&] { return next->pwrite(next, buffer, count, offset, flags, error); });
}

// In pieces: nbdkit 1.32 at least, asked for more than 64 MiB of a plugin that cannot zero, writes
// zeroes to the first 64 MiB again and again, and reports success.
int bootview_zero(nbdkit_next* next, void* handle, uint32_t count, uint64_t offset, uint32_t flags,
                  int* error) {
    constexpr uint32_t most = 64U << 20;
    return change(handle, Kind::zero, offset, count, flags, [&] {
        int result = 0;
        for (uint32_t done = 0; done < count && result == 0; done += std::min(most, count - done))
            result = next->zero(next, std::min(most, count - done), offset + done, flags, error);
        return result;
    });
}

int bootview_trim(nbdkit_next* next, void* handle, uint32_t count, uint64_t offset, uint32_t flags,
                  int* error) {
    return change(handle, Kind::trim, offset, count, flags,
                  [&] { return next->trim(next, count, offset, flags, error); });
}

int bootview_flush(nbdkit_next* next, void* handle, uint32_t flags, int* error) {
    const auto begun = std::chrono::steady_clock::now();
    const int result = next->flush(next, flags, error);
    if (result != 0)
        return result;
    const Publication flushed{*ring, Kind::flush, 0, 0};
    if (session(handle).report)
        session(handle).report->flushed(std::chrono::steady_clock::now() - begun);
    return result;
}

constexpr const char* help =
    "notify=<PATH>|none      Socket for subscribers of the change ring (required).\n"
    "notify-mode=<OCTAL>     Mode of that socket (default: 0600).\n"
    "notify-group=<GROUP>    Group of that socket.";

struct nbdkit_filter make_filter() {
    struct nbdkit_filter f {};
    f.name = "bootview";
    f.longname = "bootview filter " BOOTVIEW_VERSION;
    f.description = "publishes every write to coherent views of a disk";
    f.unload = bootview_unload;
    f.config = bootview_config;
    f.config_complete = bootview_config_complete;
    f.config_help = help;
    f.get_ready = bootview_get_ready;
    f.after_fork = bootview_after_fork;
    f.cleanup = bootview_cleanup;
    f.open = bootview_open;
    f.close = bootview_close;
    f.prepare = bootview_prepare;
    f.pread = bootview_pread;
    f.pwrite = bootview_pwrite;
    f.flush = bootview_flush;
    f.trim = bootview_trim;
    f.zero = bootview_zero;
    return f;
}

struct nbdkit_filter filter = make_filter();

} // namespace

NBDKIT_REGISTER_FILTER(filter)
