// A few threads that share the pieces of a kernel's work with the thread that called it.
#pragma once

#include <cstdint>

namespace durian {

namespace internal {
void inParallel(int64_t pieces, void (*run)(void*, int64_t), void* context);
}

/** Multiplications, or what takes as long, below which waking another thread costs more than it saves. */
constexpr int64_t kWorthSharing = 1 << 20;

/**
 * body(0) … body(pieces - 1), each once, in any order and on any thread. What a piece is must not depend on the number of threads, and pieces
 * must not add into the same number: then results are the same bits for any number.
 *
 * @param work - multiplications of all pieces together
 */
template <typename Body>
void forPieces(int64_t pieces, int64_t work, Body& body) {
  if (pieces < 2 || work < kWorthSharing) {
    for (int64_t piece = 0; piece < pieces; piece++) body(piece);
    return;
  }
  internal::inParallel(
      pieces, [](void* context, int64_t piece) { (*static_cast<Body*>(context))(piece); }, &body);
}

/** forPieces over rows, `rowsAtOnce` in a piece; body(first, count). `workOfRow`: multiplications. */
template <typename Body>
void forRows(int64_t rows, int64_t rowsAtOnce, int64_t workOfRow, Body body) {
  auto piece = [&](int64_t i) {
    const int64_t first = i * rowsAtOnce;
    body(first, rows - first < rowsAtOnce ? rows - first : rowsAtOnce);
  };
  forPieces((rows + rowsAtOnce - 1) / rowsAtOnce, rows * workOfRow, piece);
}

}  // namespace durian
