#ifndef STT_NET_SYSTEM_PROBE_H_
#define STT_NET_SYSTEM_PROBE_H_

namespace stt {

/** AES instructions of the processor. */
struct CpuFeatures {
  bool aes = false;
  bool vaes = false;
};

CpuFeatures ProbeCpu();

/** True if this process has a function of that name. */
bool HasSymbol(const char* name);

}  // namespace stt

#endif  // STT_NET_SYSTEM_PROBE_H_
