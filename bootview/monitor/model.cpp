#include "bootview/monitor/model.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bootview::monitor {

namespace {

// A machine that asks again this long after it has been silent boots anew, whatever came before.
constexpr std::chrono::minutes silence_between_boots{2};
constexpr std::size_t most_exports = 1000;

bool is_used(const events::Session& session) {
    return session.read_bytes != 0 || session.written_bytes != 0;
}

// Whether this MAC and serial number, where they are known, are another machine's.
bool differ(const std::string& mac, const std::string& serial, const Client& client) {
    return (!mac.empty() && !client.mac.empty() && mac != client.mac) ||
           (!serial.empty() && !client.serial.empty() && serial != client.serial);
}

std::string shown_name(const events::Session& session) {
    if (!session.export_name.empty())
        return session.export_name;
    return session.image.empty() ? "default export" : session.image;
}

} // namespace

void Export::add(const events::Session& session) {
    name = session.export_name;
    image = session.image;
    read_bytes += session.read_bytes;
    written_bytes += session.written_bytes;
    flushes += session.flushes;
    flush_seconds += session.flush_seconds;
}

void Model::take(std::uint64_t part, const events::Event& event, Time now) {
    std::visit([&](const auto& what) { on(part, what, now); }, event);
}

void Model::on(std::uint64_t, const events::Offer& offer, Time now) {
    const auto client =
        client_of({.mac = offer.mac, .serial = offer.serial, .name = offer.name}, now);
    client->machine = offer.machine;
    // Firmware repeats its question, and asks again on another port.
    const bool again = client->state == State::asked && !client->timeline.empty() &&
                       client->timeline.back().happened == Happened::offer &&
                       client->timeline.back().what == offer.offered &&
                       now - client->timeline.back().when < silence_between_boots;
    if (again)
        return;
    begins_to_boot(*client, now);
    client->state = State::asked;
    add(*client, {.when = now, .happened = Happened::offer, .what = offer.offered});
}

void Model::on(std::uint64_t part, const events::Transfer& transfer, Time now) {
    const auto client = client_of({.mac = transfer.mac,
                                   .address = transfer.client,
                                   .serial = transfer.serial,
                                   .name = transfer.name},
                                  now);
    if (transfer.outcome == "running") {
        transfers_.insert_or_assign(Id{part, transfer.id},
                                    Ongoing<events::Transfer>{transfer, now, client});
        return;
    }
    transfers_.erase({part, transfer.id});
    // Most firmware asks for a file's size before it asks for the file.
    if (transfer.outcome == "size-only")
        return;
    begins_to_boot(*client, now);
    client->state = State::loading;
    if (transfer.outcome == "refused")
        return add_refused(*client, transfer.file, transfer.why, now);
    add(*client, {.when = now,
                  .happened = Happened::file,
                  .what = transfer.file,
                  .outcome = transfer.outcome,
                  .bytes = transfer.outcome == "finished" ? transfer.length : transfer.sent,
                  .retransmits = transfer.retransmits,
                  .seconds = transfer.seconds});
}

void Model::on(std::uint64_t part, const events::Session& session, Time now) {
    const std::string address = session.client.empty() ? "this machine" : session.client;
    if (session.state == "refused") {
        const auto client = client_of({.address = address}, now);
        const auto& timeline = client->timeline;
        client->last_seen = now;
        if (timeline.empty() || timeline.back().outcome != session.why) // it goes on trying
            add_refused(*client, shown_name(session), session.why, now);
        return;
    }
    const Id id{part, session.id};
    auto found = sessions_.find(id);
    if (found == sessions_.end()) {
        if (session.state == "closed" && !is_used(session))
            return; // somebody looked whether there is a server
        const auto client = client_of({.address = address}, now);
        const auto since = now - std::chrono::duration_cast<Time::duration>(
                                     std::chrono::duration<double>(session.seconds));
        found = sessions_.emplace(id, Ongoing<events::Session>{{}, since, client}).first;
    }
    auto& ongoing = found->second;
    auto& client = *ongoing.client;
    client.last_seen = now;
    const bool was_used = is_used(ongoing.event);
    const bool had_written = ongoing.event.written_bytes != 0;
    // Who goes on with it was not switched off, but asked for a file while it ran.
    if (ongoing.left && session.state != "closed" &&
        session.read_bytes + session.written_bytes >
            ongoing.event.read_bytes + ongoing.event.written_bytes) {
        ongoing.left = false;
        client.state = State::running;
    }
    ongoing.event = session;
    // Opened and left unread is what port scanners and doctors do.
    if (!was_used && is_used(session)) {
        if (client.boots == 0)
            count_boot(client);
        client.state = State::running;
        if (another(ongoing) == nullptr)
            add(client,
                {.when = ongoing.since, .happened = Happened::disk, .what = shown_name(session)});
    }
    if (!had_written && session.written_bytes != 0 && !has_written_before(ongoing))
        add(client, {.when = now, .happened = Happened::first_write, .what = shown_name(session)});
    if (session.state == "closed") {
        end(ongoing, "closed", now);
        const auto place = ongoing.client;
        sessions_.erase(found);
        if (place->state == State::running && !has_disk(place))
            place->state = State::off;
    }
}

void Model::on(std::uint64_t part, const events::View& view, Time) {
    if (view.mode == "gone")
        views_.erase({part, view.image});
    else
        views_.insert_or_assign({part, view.image}, view);
}

void Model::gone(std::uint64_t part, Time now) {
    std::erase_if(transfers_, [&](const auto& item) { return item.first.first == part; });
    std::erase_if(views_, [&](const auto& item) { return item.first.first == part; });
    std::erase_if(sessions_, [&](const auto& item) {
        if (item.first.first != part)
            return false;
        end(item.second, "server-gone", now);
        return true;
    });
}

// The machine itself goes on: a client that lost its server connects again.
void Model::end(const Ongoing<events::Session>& ongoing, const std::string& outcome, Time now) {
    const auto& session = ongoing.event;
    ended_[{session.export_name, session.image}].add(session);
    if (ended_.size() > most_exports)
        ended_.erase(ended_.begin());
    if (!ongoing.left)
        note_end(ongoing, outcome, now);
}

void Model::note_end(const Ongoing<events::Session>& ongoing, const std::string& outcome,
                     Time now) {
    const auto& session = ongoing.event;
    const auto read = session.read_bytes + ongoing.read_before;
    const auto written = session.written_bytes + ongoing.written_before;
    if (auto* other = another(ongoing)) {
        other->read_before += read;
        other->written_before += written;
    } else if (read != 0 || written != 0) {
        add(*ongoing.client, {.when = now,
                              .happened = Happened::closed,
                              .what = shown_name(session),
                              .outcome = outcome,
                              .bytes = read,
                              .written_bytes = written,
                              .seconds = session.seconds});
    }
}

// Some clients open several connections to one disk: that is one thing that happens, not four.
bool Model::are_beside(const Ongoing<events::Session>& one, const Ongoing<events::Session>& other) {
    return &one != &other && !other.left && other.client == one.client &&
           other.event.export_name == one.event.export_name && other.event.image == one.event.image;
}

Model::Ongoing<events::Session>* Model::another(const Ongoing<events::Session>& ongoing) {
    for (auto& [id, other] : sessions_)
        if (are_beside(ongoing, other) && is_used(other.event))
            return &other;
    return nullptr;
}

bool Model::has_written_before(const Ongoing<events::Session>& ongoing) const {
    return ongoing.written_before != 0 ||
           std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& item) {
               return are_beside(ongoing, item.second) && item.second.event.written_bytes != 0;
           });
}

bool Model::has_disk(ClientPlace client) const {
    return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& item) {
        return item.second.client == client && !item.second.left;
    });
}

bool Model::is_busy(ClientPlace client) const {
    const auto is_its = [&](const auto& item) { return item.second.client == client; };
    return std::any_of(sessions_.begin(), sessions_.end(), is_its) ||
           std::any_of(transfers_.begin(), transfers_.end(), is_its);
}

Model::ClientPlace Model::search(const Known& known) {
    const auto by = [&](const std::string& wanted, std::string Client::*member) {
        return wanted.empty() ? clients_.end()
                              : std::find_if(clients_.begin(), clients_.end(),
                                             [&](const Client& c) { return c.*member == wanted; });
    };
    for (const auto& [wanted, member] : {std::pair{&known.mac, &Client::mac},
                                         {&known.serial, &Client::serial},
                                         {&known.name, &Client::name}})
        if (const auto found = by(*wanted, member);
            found != clients_.end() && !differ(known.mac, known.serial, *found))
            return found;
    const auto found = by(known.address, &Client::address);
    // The address may have been another machine's before.
    const bool is_another = found != clients_.end() && differ(known.mac, known.serial, *found);
    return is_another ? clients_.end() : found;
}

Model::ClientPlace Model::client_of(const Known& known, Time now) {
    auto client = search(known);
    if (client == clients_.end()) {
        make_room();
        client = clients_.emplace(clients_.begin());
    } else {
        clients_.splice(clients_.begin(), clients_, client);
    }
    for (const auto& [from, member] : {std::pair{&known.mac, &Client::mac},
                                       {&known.address, &Client::address},
                                       {&known.serial, &Client::serial},
                                       {&known.name, &Client::name}})
        if (!from->empty())
            (*client).*member = *from;
    if (!known.address.empty())
        for (auto other = std::next(clients_.begin()); other != clients_.end();) {
            const auto next = std::next(other);
            if (other->address == known.address) {
                if (other->mac.empty() && !differ(known.mac, known.serial, *other))
                    merge(client, other);
                else
                    other->address.clear();
            }
            other = next;
        }
    client->last_seen = now;
    return client;
}

// It turned out that two are one.
void Model::merge(ClientPlace into, ClientPlace other) {
    std::deque<Entry> all;
    std::merge(into->timeline.begin(), into->timeline.end(), other->timeline.begin(),
               other->timeline.end(), std::back_inserter(all),
               [](const Entry& a, const Entry& b) { return a.when < b.when; });
    into->timeline = std::move(all);
    into->boots = std::max(into->boots, other->boots);
    for (auto& [id, ongoing] : transfers_)
        if (ongoing.client == other)
            ongoing.client = into;
    for (auto& [id, ongoing] : sessions_)
        if (ongoing.client == other)
            ongoing.client = into;
    clients_.erase(other);
}

void Model::make_room() {
    while (clients_.size() >= most_clients) {
        auto oldest = std::prev(clients_.end());
        while (oldest != clients_.begin() && is_busy(oldest))
            --oldest;
        if (is_busy(oldest))
            return; // as many as there are connections, which the parts limit
        clients_.erase(oldest);
    }
}

// What firmware asks for belongs to the boot before as long as no kernel has connected to its disk.
void Model::begins_to_boot(Client& client, Time now) {
    const bool goes_on = !client.timeline.empty() &&
                         (client.timeline.back().happened == Happened::offer ||
                          client.timeline.back().happened == Happened::file ||
                          client.timeline.back().happened == Happened::refused) &&
                         now - client.timeline.back().when < silence_between_boots;
    if (goes_on)
        return;
    for (auto& [id, ongoing] : sessions_)
        if (&*ongoing.client == &client && !ongoing.left) {
            ongoing.left = true;
            note_end(ongoing, "cut-off", now);
        }
    count_boot(client);
}

void Model::count_boot(Client& client) {
    ++client.boots;
    ++boots_;
}

void Model::add_refused(Client& client, const std::string& what, const std::string& why, Time now) {
    auto& timeline = client.timeline;
    const bool goes_on = !timeline.empty() && timeline.back().happened == Happened::refused &&
                         timeline.back().boot == client.boots && timeline.back().outcome == why;
    if (!goes_on)
        add(client, {.when = now, .happened = Happened::refused, .outcome = why});
    Entry& entry = timeline.back();
    entry.when = now;
    entry.what = what;
    ++entry.count;
    entry.names.push_back(what);
    if (entry.names.size() > most_names)
        entry.names.erase(entry.names.begin());
}

void Model::add(Client& client, Entry entry) {
    entry.boot = client.boots;
    client.timeline.push_back(std::move(entry));
    if (client.timeline.size() > most_entries)
        client.timeline.pop_front();
    if (on_entry_ && client.timeline.back().happened != Happened::refused)
        on_entry_(client, client.timeline.back());
}

const Client* Model::find(std::string_view text) const {
    const auto found = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const Client& c) { return c.is_called(text); });
    return found == clients_.end() ? nullptr : &*found;
}

std::vector<Model::RunningTransfer> Model::transfers() const {
    std::vector<RunningTransfer> all;
    for (const auto& [id, ongoing] : transfers_)
        all.push_back({ongoing.event, ongoing.since, ongoing.client->key()});
    return all;
}

std::vector<Model::OpenSession> Model::sessions() const {
    std::vector<OpenSession> all;
    for (const auto& [id, ongoing] : sessions_)
        all.push_back({ongoing.event, ongoing.since, ongoing.client->key()});
    return all;
}

std::vector<Export> Model::exports() const {
    auto sums = ended_;
    for (const auto& [id, ongoing] : sessions_) {
        const auto& session = ongoing.event;
        auto& sum = sums[{session.export_name, session.image}];
        sum.add(session);
        ++sum.clients;
    }
    std::vector<Export> all;
    for (auto& [key, sum] : sums)
        all.push_back(std::move(sum));
    return all;
}

std::vector<events::View> Model::views() const {
    std::vector<events::View> all;
    for (const auto& [key, view] : views_)
        all.push_back(view);
    return all;
}

} // namespace bootview::monitor
