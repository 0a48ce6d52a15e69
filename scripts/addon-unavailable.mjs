// Runs when the install script could neither find a prebuilt addon nor build one. The package works all the same.
console.warn(
  'seigr-toolset-transmissions: no prebuilt addon for this platform and none could be built ' +
    '(python3, make and a C++17 compiler are needed); using the slower pure-JS backend. `stt info` tells more.',
);
