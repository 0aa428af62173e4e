const GROUP = 64
/**
 * Rows of dy added up into the rows of the table they came from: [N, d] -> [V, d], one thread a number, in the order of the ids. Stock
 * `UnsortedSegmentSum` adds with atomics: another order, and other last bits, each time. The host knows the ids, so it sorts them.
 */
export const embeddingGrad =
  (tf, backend) =>
  ({ inputs, attrs }) => {
    const dy = inputs['dy']
    const { ids, rows } = attrs
    const width = dy.shape[1]
    const { starts, order } = byRow(ids, rows)
    const groups = Math.ceil((rows * width) / GROUP)
    const program = {
      variableNames: ['dy', 'starts', 'order'],
      outputShape: [rows, width],
      shaderKey: 'durian_embedding_grad',
      uniforms: 'width : i32,',
      workgroupSize: [GROUP, 1, 1],
      dispatchLayout: { x: [0, 1] },
      dispatch: [groups, 1, 1],
      size: true,
      getUserCode: () => `
        fn main(index : i32) {
          if (index >= uniforms.size) { return; }
          let row = index / uniforms.width;
          let column = index - row * uniforms.width;
          var total = 0.0;
          for (var i = starts[row]; i < starts[row + 1]; i++) {
            total += dy[order[i] * uniforms.width + column];
          }
          result[index] = total;
        }`,
    }
    const lists = [tf.tensor1d(starts, 'int32'), tf.tensor1d(order, 'int32')]
    return backend.runWebGPUProgram(program, [dy, ...lists], 'float32', [{ type: 'int32', data: [width] }])
  }
/** Positions of the ids, grouped by row and in their order within it: row r has order[starts[r]] to order[starts[r + 1] - 1]. */
const byRow = (ids, rows) => {
  const starts = new Int32Array(rows + 1)
  for (const id of ids) starts[id + 1]++
  for (let row = 0; row < rows; row++) starts[row + 1] += starts[row]
  const next = starts.slice()
  const order = new Int32Array(ids.length)
  ids.forEach((id, position) => (order[next[id]++] = position))
  return { starts, order }
}
//# sourceMappingURL=embeddingGrad.js.map
