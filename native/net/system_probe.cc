#include "system_probe.h"

#include <dlfcn.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace stt {

CpuFeatures ProbeCpu() {
  CpuFeatures features;
#if defined(__x86_64__) || defined(__i386__)
  unsigned eax, ebx, ecx, edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0) features.aes = (ecx & bit_AES) != 0;
  constexpr unsigned kVaes = 1u << 9;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) features.vaes = (ecx & kVaes) != 0;
#elif defined(__aarch64__) && defined(__linux__)
  features.aes = (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#elif defined(__aarch64__) && defined(__APPLE__)
  // Every Apple processor of this architecture has them.
  features.aes = true;
#endif
  return features;
}

bool HasSymbol(const char* name) { return dlsym(RTLD_DEFAULT, name) != nullptr; }

}  // namespace stt
