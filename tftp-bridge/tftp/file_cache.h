// The files that transfers have open, and what was read of them.
//
// A hundred machines that are switched on at once fetch one kernel. Transfers of one version of a
// file share one descriptor and the chunks that are in memory, so it is read once. What nobody has
// sent for the longest time goes first when `budget` is used up; a file's chunks go with its last
// transfer, and so does the descriptor: an idle mount can be unmounted.
//
// Opening and reading happen in worker threads (worker_pool.h), unless the kernel has at hand what
// is asked for: then there is nothing to wait for, and a thread would only take time. All else here
// belongs to the event loop's thread: whoever waits is known by an identifier, and called back by
// it.
#pragma once

#include "tftp-bridge/tftp/file_content.h"
#include "tftp-bridge/tftp/worker_pool.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace bootview::tftp {

class FileCache;

// A file that is open for at least one transfer.
class CachedFile {
public:
    CachedFile(FileCache& cache, std::shared_ptr<const FileContent> content);
    CachedFile(const CachedFile&) = delete;
    CachedFile& operator=(const CachedFile&) = delete;
    ~CachedFile();

    std::uint64_t length() const { return content_->length(); }
    // Not ok: nothing more can be had of this file; its transfers have to end.
    ReadResult state() const { return state_; }

    // The bytes from `offset` to the end of their chunk, if that is in memory; else nothing.
    // They stay until the event loop goes on.
    Bytes resident(std::uint64_t offset);
    // Loads the chunk that holds `offset`. True if that has happened, or has failed, at once; else
    // `waiter` is called.
    bool request(std::uint64_t offset, std::uint64_t waiter);
    // To be called when a transfer comes to a new chunk, at `offset`: loads what comes next, unless
    // it would come at once anyway or there is much else to do; and drops what lies behind, unless
    // somebody else may want it.
    void move_on(std::uint64_t offset);
    // True if state() is up to date now. False: it will be when `waiter` is called.
    bool verify(std::uint64_t waiter);

private:
    friend class FileCache;
    using Recent = std::list<std::pair<CachedFile*, std::uint64_t>>;
    struct Slot {
        Chunk chunk;
        Recent::iterator place;
        bool loading = false;
        std::vector<std::uint64_t> waiters; // while loading
    };

    void load(std::uint64_t first);
    void on_loaded(std::uint64_t first, std::vector<Chunk> chunks, ReadResult result);
    void verified(ReadResult result);

    FileCache& cache_;
    std::shared_ptr<const FileContent> content_;
    std::unordered_map<std::uint64_t, Slot> slots_; // by chunk
    std::vector<std::uint64_t> verify_waiters_;
    ReadResult state_ = ReadResult::ok;
    bool comes_at_once_ = false; // the last chunk did
    std::weak_ptr<CachedFile> self_;
};

class FileCache {
public:
    using Opened = std::variant<std::shared_ptr<CachedFile>, Refusal>;
    struct Events {
        std::function<void(std::uint64_t waiter, Opened file)> opened;
        std::function<void(std::uint64_t waiter)> data; // what was asked for is there, or failed
    };

    // `budget`: bytes of chunks to keep.
    FileCache(std::size_t budget, Events events);
    FileCache(const FileCache&) = delete;
    FileCache& operator=(const FileCache&) = delete;

    // Calls `opened` with `waiter`, now or later.
    void open(std::shared_ptr<const FileRoot> root, const std::string& name, Mode mode,
              std::uint64_t waiter);

    // For the event loop: readable when work was completed; then carry on.
    std::vector<int> fds() const { return {opening_.fd(), reading_.fd()}; }
    void run_completed();

    std::size_t bytes() const { return bytes_; } // in memory
    std::uint64_t chunks_read() const { return chunks_read_; }

private:
    friend class CachedFile;
    // One opening serves all who asked for it before it began, and nobody who asked later: the file
    // may be a new one by then.
    struct Opening;

    bool open_now(const FileRoot& root, const std::string& name, Mode mode, std::uint64_t waiter);
    void on_opened(const std::shared_ptr<Opening>& opening);
    std::shared_ptr<CachedFile> adopt(std::shared_ptr<FileContent> content);
    void insert(CachedFile& file, std::uint64_t chunk, Chunk data);
    void drop(CachedFile& file, std::uint64_t chunk);
    void forget(CachedFile& file);
    std::uint64_t chunks_per_read() const;

    const std::size_t budget_;
    const Events events_;
    std::size_t bytes_ = 0;
    std::size_t files_ = 0; // that are open
    std::uint64_t chunks_read_ = 0;
    CachedFile::Recent recent_; // chunks, the most recently sent first
    std::unordered_map<std::string, std::weak_ptr<CachedFile>> by_version_;
    std::set<dev_t> local_; // devices whose file systems wait for no other program
    std::unordered_map<std::string, std::shared_ptr<Opening>> openings_; // the last of each name
    // Apart, so that files that are slow to open do not hold up those that are being read. Last:
    // their threads end before the rest goes away.
    WorkerPool opening_;
    WorkerPool reading_;
};

} // namespace bootview::tftp
