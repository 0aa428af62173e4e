// e^x in float32, written so that compilers make vector instructions of it: no branches, error below 2 units in the last place.
#pragma once

#include <cstdint>

namespace durian {

/** 0 where float32 has nothing smaller, infinity above 88.8; NaN stays NaN. */
inline float fastExp(float x) {
  const float above = x < -110.0f ? -110.0f : x;
  const float clamped = above > 89.0f ? 89.0f : above;
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts so that n ln 2 is exact
  const float whole = __builtin_rintf(clamped * 1.44269504f);
  const float r = (clamped - whole * 0.693359375f) + whole * 2.12194440e-4f;
  // minimax polynomial of e^r (Cephes, expf.c)
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // 2^n in two factors: n lies in [-159, 128], and one exponent holds [-126, 127]
  const auto n = static_cast<int32_t>(whole);
  const int32_t half = n >> 1;
  return p * __builtin_bit_cast(float, (half + 127) << 23) * __builtin_bit_cast(float, (n - half + 127) << 23);
}

inline float sigmoid(float x) { return 1.0f / (1.0f + fastExp(-x)); }

}  // namespace durian
