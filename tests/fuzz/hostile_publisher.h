// A change ring whose publisher does as the fuzzer says, and the server that hands it out.
#pragma once

#include "change-ring/layout.h"
#include "common/descriptor.h"
#include "tests/fuzz/input.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

namespace bootview::fuzz {

// The segment, mapped for writing; at first as an honest publisher makes it.
class HostileSegment {
public:
    // Larger or smaller by `extra` bytes than its slots need.
    HostileSegment(std::uint64_t slots, std::int64_t extra, int seals);
    ~HostileSegment();
    HostileSegment(const HostileSegment&) = delete;
    HostileSegment& operator=(const HostileSegment&) = delete;

    int descriptor() const { return memory_.get(); }
    std::size_t size() const { return size_; }
    // One act, as the next bytes of the input have it; some are what an honest publisher does.
    void act(Input& input);

private:
    friend class RestlessPublisher;
    ring::Header& header() const { return *static_cast<ring::Header*>(mapping_); }
    ring::Slot* slot(std::uint64_t number) const; // null: outside of the segment
    void publish(std::uint32_t kind, std::uint64_t offset, std::uint64_t length, bool done);

    Descriptor memory_;
    void* mapping_ = nullptr;
    std::size_t size_ = 0;
    std::uint64_t slots_;
};

// Changes header fields to and fro, all the time, from a thread of its own.
class RestlessPublisher {
public:
    RestlessPublisher(HostileSegment& segment, std::uint64_t slots, std::uint64_t begin);
    ~RestlessPublisher();
    RestlessPublisher(const RestlessPublisher&) = delete;
    RestlessPublisher& operator=(const RestlessPublisher&) = delete;

private:
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

// A listening socket without a place in the file system, one for the process.
class HostileServer {
public:
    HostileServer();
    const std::string& path() const { return path_; }
    Descriptor accept() const;
    // One packet, with any number of descriptors, as the input has it.
    static void send(int socket, Input& input, int segment);

private:
    std::string path_;
    Descriptor listener_;
};

// How many descriptors this process has open: what a hostile server sends must not pile up.
unsigned open_descriptors();

} // namespace bootview::fuzz
