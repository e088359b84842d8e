#include "tftp-bridge/tftp/file_cache.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace bootview::tftp {
namespace {

constexpr unsigned opening_threads = 16;
constexpr unsigned reading_threads = 8;

// Beyond this many waiting reads, reading ahead would only keep others waiting.
constexpr std::size_t busy_reads = 16;

// Chunks that a thread reads at a time: to hand one over takes about as long as to read it.
constexpr std::size_t most_chunks_per_read = 4;

} // namespace

struct FileCache::Opening {
    std::shared_ptr<const FileRoot> root;
    std::string name;
    std::string key;
    Mode mode;
    std::atomic<bool> begun = false;
    std::vector<std::uint64_t> waiters; // the event loop's; complete once it has begun
    // With an empty text: out of memory, see FileRoot::open().
    std::variant<std::shared_ptr<FileContent>, Refusal> result = Refusal{};

    void run();
};

void FileCache::Opening::run() {
    begun = true;
    auto opened = root->open(name);
    if (const auto* refusal = std::get_if<Refusal>(&opened)) {
        result = *refusal;
        return;
    }
    auto content = std::make_shared<FileContent>(std::move(std::get<OpenFile>(opened)), mode);
    if (content->prepare() == ReadResult::ok)
        result = std::move(content);
    else
        result = Refusal{ErrorCode::undefined, "file cannot be read now, ask again"};
}

CachedFile::CachedFile(FileCache& cache, std::shared_ptr<const FileContent> content)
    : cache_(cache), content_(std::move(content)) {
    ++cache_.files_;
}

CachedFile::~CachedFile() {
    --cache_.files_;
    cache_.forget(*this);
    // The last to let go closes the file, which a FUSE file system may keep waiting too.
    if (!content_->local())
        cache_.reading_.submit([content = std::move(content_)] {}, [] {});
}

Bytes CachedFile::resident(std::uint64_t offset) {
    const auto chunk = content_->chunk_at(offset);
    const auto found = slots_.find(chunk);
    if (found == slots_.end() || found->second.loading)
        return {};
    const auto& slot = found->second;
    if (slot.place != cache_.recent_.begin())
        cache_.recent_.splice(cache_.recent_.begin(), cache_.recent_, slot.place);
    return Bytes(slot.chunk.bytes.get(), slot.chunk.size)
        .subspan(static_cast<std::size_t>(offset - content_->start_of(chunk)));
}

bool CachedFile::request(std::uint64_t offset, std::uint64_t waiter) {
    const auto chunk = content_->chunk_at(offset);
    if (!slots_.contains(chunk)) {
        Chunk data;
        const auto result = content_->load_now(chunk, data);
        comes_at_once_ = result.has_value();
        if (result) {
            verified(*result);
            if (*result == ReadResult::ok) {
                slots_[chunk];
                cache_.insert(*this, chunk, std::move(data));
            }
            return true;
        }
        load(chunk);
    }
    auto& waiters = slots_.at(chunk).waiters;
    if (std::find(waiters.begin(), waiters.end(), waiter) == waiters.end())
        waiters.push_back(waiter);
    return false;
}

void CachedFile::move_on(std::uint64_t offset) {
    const auto chunk = content_->chunk_at(offset);
    if (!comes_at_once_ && cache_.reading_.waiting() < busy_reads) {
        // The next read begins when as much as one brings is still ahead.
        const auto last = chunk + cache_.chunks_per_read();
        auto next = chunk + 1;
        while (next < last && slots_.contains(next))
            ++next;
        if (next < content_->chunks() && !slots_.contains(next))
            load(next);
    }
    // The one before may be wanted again, if a packet was lost.
    if (chunk >= 2 && self_.use_count() == 1)
        if (const auto old = slots_.find(chunk - 2); old != slots_.end() && !old->second.loading)
            cache_.drop(*this, old->first);
}

bool CachedFile::verify(std::uint64_t waiter) {
    if (content_->local()) {
        verified(content_->verify());
        return true;
    }
    verify_waiters_.push_back(waiter);
    if (verify_waiters_.size() > 1)
        return false;
    auto result = std::make_shared<ReadResult>();
    cache_.reading_.submit([content = content_, result] { *result = content->verify(); },
                           [self = self_, result] {
                               const auto file = self.lock();
                               if (!file)
                                   return;
                               file->verified(*result);
                               for (const auto id : std::exchange(file->verify_waiters_, {}))
                                   file->cache_.events_.data(id);
                           });
    return false;
}

void CachedFile::verified(ReadResult result) {
    if (result != ReadResult::ok && state_ == ReadResult::ok)
        state_ = result;
}

// And some of those behind it, as far as nobody has them already.
void CachedFile::load(std::uint64_t first) {
    const bool busy = cache_.reading_.waiting() >= busy_reads;
    const auto most = std::min(content_->chunks(), first + (busy ? 1 : cache_.chunks_per_read()));
    auto end = first;
    for (; end < most && !slots_.contains(end); ++end)
        slots_[end].loading = true;
    struct Loaded {
        ReadResult result = ReadResult::unreadable;
        std::vector<Chunk> chunks; // those that came
    };
    auto loaded = std::make_shared<Loaded>();
    loaded->chunks.reserve(end - first);
    cache_.reading_.submit(
        [content = content_, first, end, loaded] {
            for (auto chunk = first; chunk < end; ++chunk) {
                Chunk data;
                if (loaded->result = content->load(chunk, data); loaded->result != ReadResult::ok)
                    return;
                loaded->chunks.push_back(std::move(data));
            }
        },
        [self = self_, first, end, loaded] {
            const auto file = self.lock();
            if (!file)
                return;
            if (loaded->chunks.size() < end - first && loaded->result == ReadResult::ok)
                loaded->result = ReadResult::unreadable; // out of memory
            loaded->chunks.resize(end - first);
            file->on_loaded(first, std::move(loaded->chunks), loaded->result);
        });
}

// The last first, so that those wanted soonest are the last to go, should memory be short.
void CachedFile::on_loaded(std::uint64_t first, std::vector<Chunk> chunks, ReadResult result) {
    verified(result);
    std::vector<std::uint64_t> waiters;
    for (auto i = chunks.size(); i-- > 0;) {
        const auto slot = slots_.find(first + i);
        waiters.insert(waiters.end(), slot->second.waiters.begin(), slot->second.waiters.end());
        slot->second.waiters.clear();
        if (chunks[i].bytes)
            cache_.insert(*this, first + i, std::move(chunks[i]));
        else
            slots_.erase(slot);
    }
    for (const auto id : waiters)
        cache_.events_.data(id);
}

FileCache::FileCache(std::size_t budget, Events events)
    : budget_(budget), events_(std::move(events)), opening_(opening_threads),
      reading_(reading_threads) {}

void FileCache::open(std::shared_ptr<const FileRoot> root, const std::string& name, Mode mode,
                     std::uint64_t waiter) {
    if (open_now(*root, name, mode, waiter))
        return;
    auto key = root->path() + '\0' + (mode == Mode::octet ? 'o' : 'n') + name;
    auto& last = openings_[key];
    if (last && !last->begun) {
        last->waiters.push_back(waiter);
        return;
    }
    last = std::make_shared<Opening>();
    last->root = std::move(root);
    last->name = name;
    last->key = std::move(key);
    last->mode = mode;
    last->waiters.push_back(waiter);
    opening_.submit([opening = last] { opening->run(); },
                    [this, opening = last] { on_opened(opening); });
}

bool FileCache::open_now(const FileRoot& root, const std::string& name, Mode mode,
                         std::uint64_t waiter) {
    if (mode == Mode::netascii) // has to be read as a whole first
        return false;
    auto opened = root.open_now(name, [this](dev_t device) { return local_.contains(device); });
    if (!opened)
        return false;
    if (auto* file = std::get_if<OpenFile>(&*opened))
        events_.opened(waiter, adopt(std::make_shared<FileContent>(std::move(*file), mode)));
    else
        events_.opened(waiter, std::get<Refusal>(*opened));
    return true;
}

void FileCache::on_opened(const std::shared_ptr<Opening>& opening) {
    if (const auto last = openings_.find(opening->key);
        last != openings_.end() && last->second == opening)
        openings_.erase(last);
    Opened opened = Refusal{};
    if (auto* content = std::get_if<std::shared_ptr<FileContent>>(&opening->result))
        opened = adopt(std::move(*content));
    else
        opened = std::get<Refusal>(opening->result);
    for (const auto id : opening->waiters)
        events_.opened(id, opened);
}

std::shared_ptr<CachedFile> FileCache::adopt(std::shared_ptr<FileContent> content) {
    const auto& version = content->version();
    if (content->local())
        local_.insert(content->device());
    if (!version.empty())
        if (const auto known = by_version_.find(version); known != by_version_.end())
            if (auto file = known->second.lock(); file && file->state() == ReadResult::ok) {
                if (!content->local()) // closing it may take a while
                    reading_.submit([content = std::move(content)] {}, [] {});
                return file;
            }
    auto file = std::make_shared<CachedFile>(*this, std::move(content));
    file->self_ = file;
    if (!file->content_->version().empty())
        by_version_.insert_or_assign(file->content_->version(), file);
    return file;
}

void FileCache::insert(CachedFile& file, std::uint64_t chunk, Chunk data) {
    ++chunks_read_;
    bytes_ += data.size;
    auto& slot = file.slots_.at(chunk);
    recent_.emplace_front(&file, chunk);
    slot.chunk = std::move(data);
    slot.place = recent_.begin();
    slot.loading = false;
    // Those who wait for this one are called next, so it is never among those that go.
    while (bytes_ > budget_ && recent_.size() > 1) {
        const auto [owner, oldest] = recent_.back();
        drop(*owner, oldest);
    }
}

void FileCache::drop(CachedFile& file, std::uint64_t chunk) {
    const auto gone = file.slots_.find(chunk);
    bytes_ -= gone->second.chunk.size;
    recent_.erase(gone->second.place);
    file.slots_.erase(gone);
}

void FileCache::forget(CachedFile& file) {
    for (const auto& [chunk, slot] : file.slots_)
        if (!slot.loading) {
            bytes_ -= slot.chunk.size;
            recent_.erase(slot.place);
        }
    const auto known = by_version_.find(file.content_->version());
    if (known != by_version_.end() && known->second.expired())
        by_version_.erase(known);
}

// So that what is read ahead for one file does not push out what was for another.
std::uint64_t FileCache::chunks_per_read() const {
    const auto for_each = budget_ / chunk_bytes / std::max<std::size_t>(files_, 1);
    return std::clamp<std::size_t>(for_each / 2, 1, most_chunks_per_read);
}

void FileCache::run_completed() {
    opening_.run_completed();
    reading_.run_completed();
}

} // namespace bootview::tftp
