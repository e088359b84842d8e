#include "tftp-bridge/tftp/admission.h"

namespace bootview::tftp {
namespace {

Endpoint address_alone(Endpoint endpoint) {
    endpoint.port = 0;
    return endpoint;
}

} // namespace

Admission::Verdict Admission::ask(const Endpoint& client) const {
    if (all_ >= most_)
        return Verdict::full;
    const auto found = by_address_.find(address_alone(client));
    return found != by_address_.end() && found->second >= most_per_client_ ? Verdict::client_full
                                                                           : Verdict::free;
}

void Admission::enter(const Endpoint& client) {
    ++all_;
    ++by_address_[address_alone(client)];
}

void Admission::leave(const Endpoint& client) {
    --all_;
    const auto found = by_address_.find(address_alone(client));
    if (--found->second == 0)
        by_address_.erase(found);
}

} // namespace bootview::tftp
