#ifndef STT_NET_FREED_MEMORY_H_
#define STT_NET_FREED_MEMORY_H_

namespace stt {

/**
 * Lets the process keep up to 64 MiB of freed memory at the end of its heap. What readers of streams get is allocated and
 * freed at the rate of the transfer; glibc gives all but 128 KiB of that back to the system each time the garbage
 * collector frees it, and every page of it has to be found, cleared and mapped again: that can cost more than the
 * decryption. Once a process is enough. Nothing happens with other allocators, nor where MALLOC_TRIM_THRESHOLD_ is set.
 */
void KeepFreedMemory();

}  // namespace stt

#endif  // STT_NET_FREED_MEMORY_H_
