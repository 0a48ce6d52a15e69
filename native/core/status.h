#ifndef STT_CORE_STATUS_H_
#define STT_CORE_STATUS_H_

// What functions of the core answer. Bad input is a status and a counter, never an exception.

namespace stt {

/** How the opening of a packet ended. */
enum class OpenStatus { kOpened, kReplay, kForgery, kNoKey };

/** What became of a datagram that starts like an STTFrame. */
enum class FilterStatus { kPassed, kMalformed, kStranger, kUnproven };

/** Why octets are no STTFrame. */
enum class FrameStatus { kOk, kTruncated, kMalformed, kTooLarge };

}  // namespace stt

#endif  // STT_CORE_STATUS_H_
