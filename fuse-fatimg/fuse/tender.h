// Looks after the view while nobody asks it anything: takes in what the servers publish, so that
// the pages of changed files leave the kernel's cache, and finds servers that come and go.
#pragma once

#include "common/descriptor.h"
#include "fuse-fatimg/view/view.h"

#include <functional>
#include <thread>

namespace bootview::fuse {

class Tender {
public:
    // `after_each_look` is called by its thread.
    Tender(view::View& view, std::function<void()> after_each_look);
    ~Tender() { stop(); }
    Tender(const Tender&) = delete;
    Tender& operator=(const Tender&) = delete;

    void start();
    void stop();

private:
    void run();

    view::View& view_;
    std::function<void()> after_each_look_;
    Descriptor quit_; // eventfd
    std::thread thread_;
};

} // namespace bootview::fuse
