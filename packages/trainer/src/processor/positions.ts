import type { Positions, ProcessedImage } from '../policy/types.ts'

/**
 * M-RoPE positions of a prompt: text counts up on all three axes; a picture's tokens stand at (frame, row, column) from where the text
 * left off, and the text goes on behind the largest of them. A still picture has one frame, so `tokens_per_second` plays no part.
 *
 * @param ids - with pictures expanded to their tokens
 * transformers@v5.17 modeling_qwen2_5_vl.py, get_rope_index
 */
export const ropePositions = (
  ids: ArrayLike<number>,
  images: ReadonlyArray<ProcessedImage>,
  { imageToken, mergeSize }: { readonly imageToken: number; readonly mergeSize: number },
): { readonly positions: Positions; readonly nextPosition: number } => {
  const [time, height, width] = [new Int32Array(ids.length), new Int32Array(ids.length), new Int32Array(ids.length)]
  let next = 0
  let image = 0
  for (let i = 0; i < ids.length;) {
    if (ids[i] !== imageToken) {
      time[i] = height[i] = width[i] = next++
      i++
      continue
    }
    const [frames, h, w] = images[image++]!.grid
    const [rows, columns] = [h / mergeSize, w / mergeSize]
    for (let token = 0; token < frames * rows * columns; token++, i++) {
      time[i] = next + Math.floor(token / (rows * columns))
      height[i] = next + (Math.floor(token / columns) % rows)
      width[i] = next + (token % columns)
    }
    next += Math.max(frames, rows, columns)
  }
  return { positions: [time, height, width], nextPosition: next }
}
