#ifndef STT_CORE_SESSION_ID_H_
#define STT_CORE_SESSION_ID_H_

#include <cstddef>

namespace stt {

/** Octets of a session's id, in STTFrames (STT §3) and packets (STT §5). */
constexpr size_t kSessionIdOctets = 8;

}  // namespace stt

#endif  // STT_CORE_SESSION_ID_H_
