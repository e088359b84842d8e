// nbdkit-bootview-plugin: nbdkit's file plugin, plus a change ring that tells subscribers of every
// write before it touches the image (change-ring/layout.h).
//
// `nbdkit bootview disk.img` serves what `nbdkit file disk.img` serves, and takes the same
// parameters. The callbacks below stand in the order of nbdkit's struct; what they do with the file
// is in image_file.h, which image and which ring is in exports.h. The order of every change is
// publish, touch the image, mark done, return (nbdkit then replies): no subscriber is ever waited
// for.
#include "common/line_rate.h"
#include "common/printable.h"
#include "nbdkit-plugin/exports.h"
#include "nbdkit-plugin/image_file.h"
#include "nbdkit-plugin/image_lock.h"
#include "nbdkit-plugin/peer.h"
#include "nbdkit-plugin/session_report.h"
#include "nbdkit-plugin/settings.h"
#include "nbdkit-plugin/writers.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <sys/prctl.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

// nbdkit 1.24 declares plugin_init without this, and hidden visibility would hide it.
#ifndef NBDKIT_DLL_PUBLIC
extern "C" __attribute__((visibility("default"))) struct nbdkit_plugin* plugin_init(void);
#endif

namespace {

using bootview::Descriptor;
using bootview::plugin::Exports;
using bootview::plugin::ImageFile;
using bootview::plugin::ImageLock;
using bootview::plugin::InUse;
using bootview::plugin::NoSubscribers;
using bootview::plugin::Peer;
using bootview::plugin::SessionReport;
using bootview::plugin::Settings;
using bootview::plugin::WriterRule;
using bootview::plugin::Writers;
using bootview::plugin::ZeroHow;
using bootview::ring::Kind;
using bootview::ring::NoSocket;
using bootview::ring::Publication;
using bootview::ring::Publisher;
using bootview::ring::Writer;

Settings settings;
// Not destroyed by exit(3), only by unload: nbdkit's first process ends by it when the second has
// gone into the background, and would take away the sockets that are the second's now.
std::unique_ptr<Exports>& exports = *new std::unique_ptr<Exports>;
std::shared_ptr<bootview::events::Sender> event_sender; // null: nobody wants to know
Writers& writers = *new Writers;                        // not destroyed by exit(3), either

// One client's connection to one image.
struct Connection {
    std::unique_ptr<Writers::Place> place; // writers=one: until the image is closed
    ImageFile image;
    std::shared_ptr<Publisher> ring;
    std::optional<Writer> writer;          // one that may write
    std::unique_ptr<SessionReport> report; // null: nobody wants to know

    Connection(const std::string& path, const bootview::plugin::OpenOptions& options)
        : image(path, options) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
};

Connection& connection(void* handle) {
    return *static_cast<Connection*>(handle);
}

// What the NBD protocol has a word for; nbdkit would turn everything else into EINVAL, which
// clients take for their own mistake.
int wire_error(int error) {
    switch (error) {
    case EPERM:
    case EROFS:
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EINVAL:
    case EOPNOTSUPP:
    case ENOENT:
    case ESHUTDOWN:
        return error;
    default:
        return EIO;
    }
}

bool may_write_line() {
    static bootview::LineRate lines{100};
    std::uint64_t left_out = 0;
    if (!lines.allows(std::chrono::steady_clock::now(), left_out))
        return false;
    if (left_out > 0)
        nbdkit_error("%llu more requests failed", static_cast<unsigned long long>(left_out));
    return true;
}

// Every callback runs in here: an exception that left one would end the server and with it every
// client's connection.
template<typename Result, typename Callback>
Result guarded(const char* what, Result on_error, Callback callback) noexcept {
    try {
        return callback();
    } catch (const std::system_error& e) {
        const int error = e.code().value();
        errno = error;
        // A client that tries a fast zero is no error; and one that fails all day fills no log.
        if (error != EOPNOTSUPP && may_write_line())
            nbdkit_error("%s%s: %s", what, bootview::printable(e.what()).c_str(),
                         std::strerror(error));
        errno = wire_error(error);
    } catch (const std::exception& e) {
        nbdkit_error("%s%s", what, bootview::printable(e.what()).c_str());
        errno = EIO;
    } catch (...) {
        errno = EIO;
    }
    nbdkit_set_error(errno);
    return on_error;
}

void bootview_unload() {
    exports.reset();
}

void bootview_dump_plugin() {
    std::printf("bootview_ring_abi=%u\n", bootview::ring::abi_version);
    std::printf("bootview_falloc_fl_punch_hole=yes\n");
    std::printf("bootview_falloc_fl_zero_range=yes\n");
    std::printf("bootview_blkzeroout=yes\n");
}

int bootview_config(const char* key, const char* value) {
    return guarded("", -1, [&] {
        settings.set(key, value);
        return 0;
    });
}

int bootview_config_complete() {
    return guarded("", -1, [] {
        settings.check();
        return 0;
    });
}

// The sockets are bound here: before the process detaches from the terminal, changes its user or
// runs the --run command, which may connect at once and is answered once the thread runs.
int bootview_get_ready() {
    return guarded("", -1, [] {
        settings.read_only = bootview::plugin::was_started_read_only();
        exports = std::make_unique<Exports>(settings);
        for (const std::string& warning : exports->prepare())
            nbdkit_error("warning: %s", warning.c_str());
        return 0;
    });
}

// With a socket from its parent, or --exit-with-parent, nbdkit has asked for SIGTERM at the
// parent's death. It would then answer requests with NBD_ESHUTDOWN, which breaks the file systems
// of machines that live on this export; a connection that is cut off they survive.
void end_at_once_with_parent() {
    int signal = 0;
    if (::prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGTERM)
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int bootview_after_fork() {
    return guarded("", -1, [] {
        end_at_once_with_parent();
        exports->start();
        event_sender = bootview::events::Sender::from_environment();
        return 0;
    });
}

// Since nbdkit 1.26; an older one destroys `exports` in unload, which does the same.
[[maybe_unused]] void bootview_cleanup() {
    if (exports)
        exports->stop();
}

// "in use: written by 192.0.2.5 since ...", which is how a client that was refused learns why:
// NBD's refusal itself has no words in nbdkit.
std::string description_of(const std::string& export_name) {
    if (settings.writers == WriterRule::any)
        return {};
    try {
        return writers.describe(bootview::ring::identify(exports->path_of(export_name)));
    } catch (const std::system_error&) { // the image has just been removed
        return {};
    }
}

int bootview_list_exports(int /*readonly*/, int /*is_tls*/, struct nbdkit_exports* list) {
    return guarded("", -1, [&] {
        const auto names = settings.file.empty() ? exports->names() : std::vector<std::string>{""};
        for (const std::string& name : names) {
            const std::string description = description_of(name);
            if (nbdkit_add_export(list, name.c_str(),
                                  description.empty() ? nullptr : description.c_str()) != 0)
                return -1;
        }
        return 0;
    });
}

const char* bootview_default_export(int /*readonly*/, int /*is_tls*/) {
    return settings.default_export.c_str();
}

// The lock that qemu-img and other servers of ours respect.
Descriptor lock_image(const ImageFile& image, const std::string& path) {
    static std::atomic<bool> warned{false};
    ImageLock lock = bootview::plugin::lock_for_writing(image.descriptor());
    switch (lock.outcome) {
    case ImageLock::Outcome::taken:
        break;
    case ImageLock::Outcome::held:
        throw InUse("in use by another program (QEMU, qemu-nbd, another NBD server), which has it "
                    "open; find it with: fuser -v " +
                        path,
                    true);
    case ImageLock::Outcome::unsupported:
        if (!warned.exchange(true))
            nbdkit_error("warning: %s: this file system has no locks: that no other program on "
                         "this machine writes the image is up to you",
                         path.c_str());
    }
    return std::move(lock.file);
}

// With writers=one, throws InUse when the image is another's.
std::unique_ptr<Writers::Place> take_place(const ImageFile& image, const std::string& path,
                                           const std::string& export_name) {
    Peer peer = bootview::plugin::find_peer();
    // A process that connects by a Unix socket is known by a number that another may have tomorrow.
    const std::string memory = peer.link ? exports->memory_of(image.id()) : std::string{};
    try {
        return writers.take(
            image.id(), peer.name, std::move(peer.link), [&] { return lock_image(image, path); },
            memory);
    } catch (const InUse& refused) {
        const std::string line = path + ": refused to " + peer.name + ": " + refused.what();
        if (!refused.is_news) {
            nbdkit_debug("%s", line.c_str());
            return nullptr;
        }
        nbdkit_error("%s", line.c_str());
        if (event_sender)
            event_sender->send(
                bootview::events::Session{.client = bootview::plugin::client_address(),
                                          .export_name = export_name,
                                          .image = path,
                                          .state = "refused",
                                          .why = refused.what(),
                                          .writable = true});
        return nullptr;
    }
}

void* bootview_open(int readonly) {
    const char* name = nbdkit_export_name();
    const std::string export_name = name != nullptr ? name : "";
    const std::string what = settings.file.empty()
                                 ? "export '" + bootview::printable(export_name) + "': "
                                 : settings.file + ": ";
    return guarded(what.c_str(), static_cast<void*>(nullptr), [&]() -> void* {
        const std::string path = exports->path_of(export_name);
        auto opened = std::make_unique<Connection>(
            path, bootview::plugin::OpenOptions{readonly != 0, settings.cache, settings.fadvise});
        std::optional<NoSubscribers> trouble;
        opened->ring = exports->ring_of(opened->image, trouble);
        opened->ring->set_image_size(opened->image.size());
        if (trouble && trouble->why == NoSocket::Why::served_already) {
            // Its views take themselves for informed of every write.
            if (opened->image.writable())
                throw std::runtime_error(trouble->text);
        } else if (trouble && trouble->is_news) {
            nbdkit_error("warning: %s: views will poll this image: %s", path.c_str(),
                         trouble->text.c_str());
        }
        if (!opened->image.writable())
            nbdkit_debug("%s: opened read-only", path.c_str());
        if (opened->image.writable() && readonly == 0) {
            if (settings.writers == WriterRule::one) {
                opened->place = take_place(opened->image, path, export_name);
                if (!opened->place) {
                    nbdkit_set_error(EPERM);
                    return nullptr;
                }
            }
            opened->writer.emplace(opened->ring);
        }
        if (event_sender)
            opened->report = std::make_unique<SessionReport>(
                event_sender, SessionReport::About{bootview::plugin::client_address(), export_name,
                                                   path, opened->writer.has_value()});
        return opened.release();
    });
}

void bootview_close(void* handle) {
    delete static_cast<Connection*>(handle);
}

int64_t bootview_get_size(void* handle) {
    return static_cast<int64_t>(connection(handle).image.size());
}

int bootview_can_write(void* handle) {
    return connection(handle).image.writable() ? 1 : 0;
}
int bootview_can_trim(void* handle) {
    return connection(handle).image.can_trim() ? 1 : 0;
}
int bootview_can_zero(void*) {
    return 1;
}
int bootview_can_fast_zero(void*) {
    return 1;
}
int bootview_can_extents(void* handle) {
    return connection(handle).image.can_extents() ? 1 : 0;
}
int bootview_can_fua(void*) {
    return NBDKIT_FUA_NATIVE;
}
int bootview_can_cache(void*) {
    return NBDKIT_CACHE_NATIVE;
}
// Nothing is cached here, so a flush on one connection is a flush of all.
int bootview_can_multi_conn(void*) {
    return 1;
}

int bootview_pread(void* handle, void* buffer, uint32_t count, uint64_t offset,
                   uint32_t /*flags*/) {
    return guarded("", -1, [&] {
        Connection& client = connection(handle);
        client.image.read({static_cast<std::byte*>(buffer), count}, offset);
        if (client.report)
            client.report->read(count);
        return 0;
    });
}

// For information only; it stands in the ring once everything before it is stable.
void flush_and_publish(Connection& client) {
    const auto begun = std::chrono::steady_clock::now();
    client.image.sync();
    const Publication flushed{*client.ring, Kind::flush, 0, 0};
    if (client.report)
        client.report->flushed(std::chrono::steady_clock::now() - begun);
}

// A change: published, made, marked done. With FUA also made stable, which nobody who only reads
// has to wait for.
template<typename Change>
int change(void* handle, Kind kind, uint64_t offset, uint32_t count, uint32_t flags, Change make) {
    Connection& client = connection(handle);
    return guarded("", -1, [&] {
        {
            const Publication published{*client.ring, kind, offset, count};
            make(client.image);
        }
        if (client.report)
            client.report->wrote(count);
        if ((flags & NBDKIT_FLAG_FUA) != 0)
            flush_and_publish(client);
        return 0;
    });
}

int bootview_pwrite(void* handle, const void* buffer, uint32_t count, uint64_t offset,
                    uint32_t flags) {
    return change(handle, Kind::write, offset, count, flags, [&](ImageFile& image) {
        image.write({static_cast<const std::byte*>(buffer), count}, offset);
    });
}

int bootview_zero(void* handle, uint32_t count, uint64_t offset, uint32_t flags) {
    return change(handle, Kind::zero, offset, count, flags, [&](ImageFile& image) {
        image.zero(offset, count,
                   (flags & NBDKIT_FLAG_MAY_TRIM) != 0 ? ZeroHow::any : ZeroHow::allocate,
                   (flags & NBDKIT_FLAG_FAST_ZERO) != 0);
    });
}

int bootview_trim(void* handle, uint32_t count, uint64_t offset, uint32_t flags) {
    return change(handle, Kind::trim, offset, count, flags,
                  [&](ImageFile& image) { image.trim(offset, count); });
}

int bootview_flush(void* handle, uint32_t /*flags*/) {
    return guarded("", -1, [&] {
        flush_and_publish(connection(handle));
        return 0;
    });
}

int bootview_extents(void* handle, uint32_t count, uint64_t offset, uint32_t flags,
                     struct nbdkit_extents* list) {
    return guarded("", -1, [&] {
        const bool only_first = (flags & NBDKIT_FLAG_REQ_ONE) != 0;
        for (const auto& extent : connection(handle).image.extents(offset, count, only_first)) {
            const uint32_t type = extent.hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0;
            if (nbdkit_add_extent(list, extent.offset, extent.length, type) != 0)
                return -1;
        }
        return 0;
    });
}

int bootview_cache(void* handle, uint32_t count, uint64_t offset, uint32_t /*flags*/) {
    return guarded("", -1, [&] {
        connection(handle).image.prefetch(offset, count);
        return 0;
    });
}

constexpr const char* help =
    "[file=]<IMAGE>          The disk image or block device to serve.\n"
    "dir=<DIRECTORY>         Serve the images in a directory, by export name.\n"
    "default=<NAME>          With dir=: the export for clients that name none.\n"
    "cache=default|none      Keep file data in the page cache (default), or not.\n"
    "fadvise=normal|random|sequential\n"
    "                        How the file will be read (default: normal).\n"
    "notify=<PATH>|none      Socket, or directory of sockets, for subscribers of\n"
    "                        the change ring (default: derived from the image).\n"
    "notify-mode=<OCTAL>     Mode of that socket (default: 0600).\n"
    "notify-group=<GROUP>    Group of that socket.\n"
    "writers=any|one         Whether a second client may write an image, too, while\n"
    "                        a first one has it (default: any).";

struct nbdkit_plugin make_plugin() {
    struct nbdkit_plugin p {};
    p.name = "bootview";
    p.longname = "bootview disk image plugin";
    p.version = BOOTVIEW_VERSION;
    p.description = "serves disk images and publishes every write to coherent views of them";
    p.unload = bootview_unload;
    p.config = bootview_config;
    p.config_complete = bootview_config_complete;
    p.config_help = help;
    p.open = bootview_open;
    p.close = bootview_close;
    p.get_size = bootview_get_size;
    p.can_write = bootview_can_write;
    p.can_trim = bootview_can_trim;
    p.errno_is_preserved = 1;
    p.dump_plugin = bootview_dump_plugin;
    p.can_zero = bootview_can_zero;
    p.can_fua = bootview_can_fua;
    p.pread = bootview_pread;
    p.pwrite = bootview_pwrite;
    p.flush = bootview_flush;
    p.trim = bootview_trim;
    p.zero = bootview_zero;
    p.magic_config_key = "file";
    p.can_multi_conn = bootview_can_multi_conn;
    p.can_extents = bootview_can_extents;
    p.extents = bootview_extents;
    p.can_cache = bootview_can_cache;
    p.cache = bootview_cache;
    p.can_fast_zero = bootview_can_fast_zero;
    p.get_ready = bootview_get_ready;
    p.after_fork = bootview_after_fork;
    p.list_exports = bootview_list_exports;
    p.default_export = bootview_default_export;
#if NBDKIT_VERSION_MINOR >= 26
    p.cleanup = bootview_cleanup;
#endif
    return p;
}

struct nbdkit_plugin plugin = make_plugin();

} // namespace

NBDKIT_REGISTER_PLUGIN(plugin)
