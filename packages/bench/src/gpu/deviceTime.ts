/** A compute pipeline with its buffers, to be dispatched again and again. */
export interface Dispatch {
  readonly device: GPUDevice
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: number
}

/** How a time was taken: by the device's own clock around the work, or by the host's around handing it over and waiting. */
export type Clock = 'timestamp-query' | 'wall'

export const clockOf = (device: GPUDevice): Clock =>
  device.features.has('timestamp-query') ? 'timestamp-query' : 'wall'

/** Milliseconds of `count` dispatches behind one another. */
export const dispatchTime = async ({ device, ...work }: Dispatch, count: number): Promise<number> => {
  const stamps = clockOf(device) === 'wall' ? null : timestamps(device)
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass(stamps === null ? {} : { timestampWrites: stamps.writes })
  pass.setPipeline(work.pipeline)
  pass.setBindGroup(0, work.group)
  for (let i = 0; i < count; i++) pass.dispatchWorkgroups(work.workgroups)
  pass.end()
  stamps?.resolve(encoder)
  const commands = encoder.finish()
  const began = performance.now()
  device.queue.submit([commands])
  await device.queue.onSubmittedWorkDone()
  const wall = performance.now() - began
  return stamps === null ? wall : stamps.read()
}

const timestamps = (device: GPUDevice) => {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 })
  const resolved = device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC })
  const onHost = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  return {
    writes: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    resolve: (encoder: GPUCommandEncoder): void => {
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0)
      encoder.copyBufferToBuffer(resolved, 0, onHost, 0, 16)
    },
    read: async (): Promise<number> => {
      await onHost.mapAsync(GPUMapMode.READ)
      const [began = 0n, ended = 0n] = new BigUint64Array(onHost.getMappedRange())
      onHost.unmap()
      for (const buffer of [resolved, onHost]) buffer.destroy()
      querySet.destroy()
      return Number(ended - began) / 1e6
    },
  }
}
