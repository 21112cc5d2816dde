// Runs the native kernel tests, of one implementation when it is named. Last line: `N passed, N failed`; exit code 1
// when one failed or the implementation is not supported here.
#include "check.h"
#include "layer_under_test.h"
#include "tests.h"

// Tests ask for absurd amounts of memory on purpose; the sanitizer must answer like malloc does.
#if defined(__GNUC__)
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options();
#else
extern "C" const char* __asan_default_options();
#endif
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

int main(int argc, char** argv) {
  if (argc > 1) {
    reference::only_implementation() = argv[1];
    check::Case test("the implementation asked for");
    test.that(!reference::supported_implementations().empty(), std::string(argv[1]) + " is not supported here");
  }
  test_contract();
  test_properties();
  test_subtree();
  test_non_finite();
  std::printf("%d passed, %d failed\n", check::totals().passed, check::totals().failed);
  return check::totals().failed == 0 ? 0 : 1;
}
