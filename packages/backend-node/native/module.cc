// Loading this addon into the process that has TensorFlow makes Durian's operations known to it; it exports nothing else.
#include <node_api.h>

#include "op.h"

NAPI_MODULE_INIT() {
  // once a process: TensorFlow refuses a name that it knows
  static const bool defined =
      durian::defineRows() && durian::defineScores() && durian::defineOptimiser() && durian::defineDecoding() &&
      durian::defineAttention() && durian::defineLinear();
  if (!defined) napi_throw_error(env, nullptr, "TensorFlow did not accept Durian's kernels");
  return exports;
}
