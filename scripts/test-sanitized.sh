#!/bin/bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in a copy of the tree and runs its tests.
# Usage: npm run test:sanitized [-- <vitest arguments>]    Needs g++ with libasan and libubsan.
#
# Any finding fails, but for leaks only those with a frame of the addon count: Node keeps memory to the end on purpose.
set -euo pipefail
# The reports are of the tests of the ordinary addon.
unset STT_REPORTS
cd "$(dirname "$0")/.."
if [ ! -e "$(g++ -print-file-name=libasan.so 2>/dev/null)" ] || [ ! -e "$(g++ -print-file-name=libubsan.so)" ]; then
  echo 'sanitizers: skipped, there is no g++ with libasan and libubsan'
  exit 0
fi
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/logs"

git ls-files -z --cached --others --exclude-standard -- lib native scripts test binding.gyp package.json tsconfig.json vitest.config.ts |
  xargs -0 cp --parents -t "$work/tree"
ln -s "$root/node_modules" "$work/tree/node_modules"
cd "$work/tree"

# Without RTTI there is no vptr to check. Frame pointers: the runtime finds callers by them.
flags='-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g'
CXX=g++ CXXFLAGS="$flags" LDFLAGS="$flags" npm exec --no -- node-gyp rebuild

runtimes="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so)"
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(test/native test/fuzz test/property/engines-differential.test.ts test/unit/engine/key-phases.test.ts)
status=0
sanitized() {
  # An exit code of 0 for leaks lets each process end as it would; the logs decide.
  STT_BACKEND=native LD_PRELOAD="$runtimes" \
    ASAN_OPTIONS="abort_on_error=1:exitcode=0:detect_leaks=1:log_path=$work/logs/asan" \
    UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$work/logs/ubsan" \
    node "$@" || status=$?
}
sanitized node_modules/vitest/vitest.mjs run "${tests[@]}"
# The processes of vitest are ended from outside, where no search for leaks takes place.
sanitized test/support/native-peer.mjs exercise "$PWD/build/Release/stt.node"

shopt -s nullglob
for log in "$work"/logs/*; do
  # Reports of leaks are paragraphs; one counts if the addon is in it. What Node allocates for a function of an addon
  # it leaves to the garbage collector, which does not run at the end; and what JavaScript called by the addon makes V8
  # allocate for itself is V8's.
  if grep -q 'ERROR: AddressSanitizer\|runtime error:' "$log"; then
    cat "$log"
    status=1
  elif awk -v RS= '/ leak of / && !/napi_(define_class|create_function)/ {
    ours = match($0, /stt\.node|native\/(core|net|napi)\//)
    engine = match($0, /v8::internal::/)
    if (ours && !(engine && engine < ours)) { print; found = 1 } } END { exit !found }' "$log"; then
    status=1
  fi
done
[ $status -eq 0 ] && echo 'sanitizers: nothing found'
exit $status
