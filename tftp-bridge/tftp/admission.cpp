#include "tftp-bridge/tftp/admission.h"

namespace bootview::tftp {
namespace {

Endpoint address_alone(Endpoint endpoint) {
    endpoint.port = 0;
    return endpoint;
}

template<typename Times>
void remember(Times& times, const Endpoint& address, Admission::TimePoint until,
              Admission::TimePoint now) {
    if (times.size() >= Admission::max_remembered && !times.contains(address)) {
        std::erase_if(times, [now](const auto& entry) { return entry.second < now; });
        if (times.size() >= Admission::max_remembered)
            times.erase(times.begin());
    }
    times[address] = until;
}

template<typename Times>
bool holds(const Times& times, const Endpoint& address, Admission::TimePoint now) {
    const auto found = times.find(address);
    return found != times.end() && now <= found->second;
}

} // namespace

Admission::Verdict Admission::ask(const Endpoint& client, TimePoint now) const {
    if (all_ >= max_transfers_)
        return Verdict::full;
    const auto address = address_alone(client);
    const auto running = by_address_.find(address);
    const auto refusals = refusals_.find(address);
    const auto transfers = running == by_address_.end() ? 0 : running->second;
    const auto refused = refusals == refusals_.end() || now >= refusals_end_ ? 0 : refusals->second;
    if (transfers >= max_per_client_)
        return Verdict::client_full;
    if (transfers + refused >= max_of_stranger && !holds(heard_until_, address, now))
        return Verdict::stranger_full;
    return Verdict::free;
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

void Admission::refused(const Endpoint& client, TimePoint now) {
    if (now >= refusals_end_) {
        refusals_end_ = now + refusals_period;
        refusals_.clear();
    }
    if (refusals_.size() < max_remembered)
        ++refusals_[address_alone(client)];
}

void Admission::acknowledged(const Endpoint& client, TimePoint now) {
    remember(heard_until_, address_alone(client), now + remembered_for, now);
}

void Admission::distrust(const Endpoint& client, TimePoint now) {
    heard_until_.erase(address_alone(client));
    remember(distrusted_until_, address_alone(client), now + distrusted_for, now);
}

bool Admission::distrusted(const Endpoint& client, TimePoint now) const {
    return holds(distrusted_until_, address_alone(client), now);
}

} // namespace bootview::tftp
