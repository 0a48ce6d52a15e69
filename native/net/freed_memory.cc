#include "freed_memory.h"

#include <stdlib.h>

namespace stt {

void KeepFreedMemory() {
#ifdef __GLIBC__
  // The freeing of a large block, which no page is ever mapped for, is what makes glibc raise its thresholds by itself
  // (mallopt(3), M_MMAP_THRESHOLD): to the size of the block, at most 32 MiB, and twice that. `mallopt` would keep it from
  // adapting to what the application does later.
  constexpr size_t kBlock = 32 * 1024 * 1024 - 64 * 1024;
  static const bool kDone = [] {
    // Volatile, so that the compiler does not leave out the pair.
    void* volatile block = malloc(kBlock);
    free(block);
    return true;
  }();
  (void)kDone;
#endif
}

}  // namespace stt
