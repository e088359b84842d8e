// Takes connections from a listening socket that an epoll watches, also when the process has no
// descriptor left for them (EMFILE, ENFILE).
//
// Then the connection stays in the queue and the socket stays readable: a level-triggered loop
// would spin for as long as that lasts. So a spare descriptor is kept, given up to take the
// connection and close it at once, which the other side sees, and opened again. Where even that
// fails, the socket is watched edge-triggered: it wakes the loop once for each connection that
// comes, until one could be taken again.
#pragma once

#include "common/descriptor.h"

#include <sys/epoll.h>

namespace bootview {

class Acceptor {
public:
    // Watches `listener`, which listens and is non-blocking, in `epoll`; its events carry `data`.
    // Both outlive this.
    Acceptor(int epoll, int listener, epoll_data_t data);

    // To be called for each event. A connection, non-blocking and closed by exec; none if there is
    // none, or it could not be kept.
    Descriptor accept();

private:
    void watch(bool edge_triggered);

    int epoll_;
    int listener_;
    epoll_data_t data_;
    bool edge_triggered_ = false;
    Descriptor spare_;
};

} // namespace bootview
