// bootview-nbd-attach: makes an NBD export a block device, and keeps it one while its server comes
// and goes. Made to be started in an initramfs and to stay until the machine is off.
//
// The kernel does the work: requests go over a socket that it is given, and when the server has
// gone they wait in it ("dead connection timeout"). What is left to do is to listen for the news
// that the connection is dead, to make another one, and to hand that over. nbd-client up to 3.26
// does not, and so every request fails from the first restart of the server on.
#include "kernel.h"
#include "options.h"
#include "resident.h"
#include "server.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <linux/nbd.h>
#include <unistd.h>

namespace bootview::nbd {
namespace {

// Exit statuses; the boot scripts go by them.
constexpr int try_again = 1;
constexpr int wrong_usage = 2;
constexpr int no_driver = 3;

void wait(unsigned milliseconds) {
    const timespec time{static_cast<time_t>(milliseconds / 1000),
                        static_cast<long>(milliseconds % 1000) * 1'000'000};
    nanosleep(&time, nullptr);
}

class Attachment {
public:
    Attachment(const Options& options, const Server& server) : options_(options), server_(server) {}

    // 0, or an exit status.
    int begin();
    // Until the device is no more.
    void keep();

    Log& log() { return log_; }

private:
    enum class Outcome { resumed, not_yet, not_needed, over };

    Outcome resume(Text& failure);
    bool wait_for_server();
    bool device_is_gone() { return kernel_.status(options_.index) == false; }

    const Options& options_;
    const Server& server_;
    Kernel kernel_;
    Log log_;
    Export export_;
};

int Attachment::begin() {
    log_.open_kernel_log();
    if (const int error = kernel_.open()) {
        Text text("the kernel's NBD driver does not answer; modprobe nbd (");
        log_.say((text << std::strerror(error) << ")").view());
        return no_driver;
    }
    Text failure;
    const auto connection =
        connect_to(server_, options_.export_name, options_.connect_timeout, export_, failure);
    if (!connection) {
        log_.say(failure.view());
        return try_again;
    }

    Device device;
    device.index = options_.index;
    device.size = export_.size;
    device.timeout = options_.timeout;
    device.dead_connection_timeout = options_.dead_connection;
    device.server_flags = export_.flags;
    if (export_.minimum_block > device.block_size)
        device.block_size = export_.minimum_block;
    if (device.block_size > static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))) {
        Text text("the server takes no less than ");
        text << device.block_size << " bytes at once, of which the kernel can't make a disk; put "
             << "nbdkit's blocksize filter before it";
        log_.say(text.view());
        return try_again;
    }
    if (const int error = kernel_.connect(device, connection.get())) {
        Text text(options_.device);
        text << (error == EBUSY ? " is in use already: take another one, or --disconnect it first"
                                : ": the kernel can't set it up: ");
        log_.say((error == EBUSY ? text : text << std::strerror(error)).view());
        return try_again;
    }
    return 0;
}

// A new connection in place of the dead one.
Attachment::Outcome Attachment::resume(Text& failure) {
    Export found;
    const auto connection =
        connect_to(server_, options_.export_name, options_.connect_timeout, found, failure);
    if (!connection)
        return Outcome::not_yet;
    // Another image, or one that was cut off, would end in a file system that is lost.
    if (found.size < export_.size || ((found.flags ^ export_.flags) & NBD_FLAG_READ_ONLY) != 0) {
        failure
            << "the export is smaller than it was, or is no longer writable: it is not the same";
        return Outcome::not_yet;
    }
    const auto grown = found.size > export_.size ? found.size : 0;
    switch (const int error = kernel_.reconfigure(options_.index, grown, connection.get())) {
    case 0:
        export_ = found;
        return Outcome::resumed;
    case ENOSPC: // no connection of it is dead
        return Outcome::not_needed;
    default:
        if (device_is_gone())
            return Outcome::over;
        failure << "the kernel does not take the new connection: " << std::strerror(error);
        return Outcome::not_yet;
    }
}

// False: the device is no more.
bool Attachment::wait_for_server() {
    Text news(options_.device);
    news << ": the server is gone; reads and writes wait for " << server_.name().view();
    log_.say(news.view());
    Text failure, shown;
    // A server that is only restarted is back soon; of a hundred clients none may keep it from
    // that.
    for (unsigned pause = 100;; pause = pause < 2000 ? pause * 2 : 3000) {
        wait(pause);
        switch (resume(failure)) {
        case Outcome::resumed:
            news = Text(options_.device);
            log_.say((news << ": the server is back").view());
            return true;
        case Outcome::not_needed:
            return true;
        case Outcome::over:
            return false;
        case Outcome::not_yet:
            if (failure.view() != shown.view())
                log_.say(failure.view());
            shown = failure;
        }
        if (device_is_gone())
            return false;
    }
}

void Attachment::keep() {
    while (true) {
        // Once a minute a look whether somebody has ended the device: that is announced to no one.
        if (kernel_.wait_for_dead_link(options_.index, 60'000)) {
            if (!wait_for_server())
                return;
        } else if (device_is_gone()) {
            return;
        }
    }
}

int disconnect(const Options& options) {
    Kernel kernel;
    int error = kernel.open();
    if (error == 0)
        error = kernel.disconnect(options.index);
    if (error != 0) {
        Text text(options.device);
        Log().say((text << ": " << std::strerror(error)).view());
    }
    return error == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
    Options options;
    Text problem;
    Server server;
    if (!parse(argc, argv, options, problem)) {
        Log().say(problem.view());
        return wrong_usage;
    }
    switch (options.action) {
    case Options::Action::show_help:
        return write(STDOUT_FILENO, usage, std::strlen(usage)) < 0;
    case Options::Action::show_version:
        return write(STDOUT_FILENO, BOOTVIEW_VERSION "\n", sizeof BOOTVIEW_VERSION) < 0;
    case Options::Action::disconnect:
        return disconnect(options);
    case Options::Action::attach:
        break;
    }
    if (!server.set(options.host, options.port)) {
        (problem << "'").quote(options.host)
            << "' is no IP address; write one, as names are not looked up";
        Log().say(problem.view());
        return wrong_usage;
    }

    Attachment attachment(options, server);
    if (const int status = attachment.begin())
        return status;
    outlive_shutdown(argv);
    if (!options.foreground) {
        if (!go_to_background()) {
            attachment.log().say("there is no memory for a process that watches the server: the "
                                 "device works until the server is restarted");
            return 0;
        }
        attachment.log().to_kernel_log();
    }
    keep_in_memory();
    attachment.keep();
    return 0;
}

} // namespace
} // namespace bootview::nbd

int main(int argc, char** argv) {
    return bootview::nbd::run(argc, argv);
}
