const BACKEND = 'webgpu'
/** Put kernels of ours into tfjs's registry, in place of those of the same name. The registry is global: this holds for the whole process. */
export const replaceKernels = (tf, kernels) => {
  const registered = new Set(tf.getKernelsForBackend(BACKEND).map(({ kernelName }) => kernelName))
  for (const [kernelName, body] of Object.entries(kernels)) {
    if (registered.has(kernelName)) tf.unregisterKernel(kernelName, BACKEND)
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      // inside a scope: what a body composes of other kernels is freed but for its result
      kernelFunc: ({ inputs, attrs }) => tf.tidy(() => body({ inputs: inputs, attrs: attrs })),
    })
  }
}
/** tfjs's own, kept from before the first replacement: a device that is opened again finds ours in the registry. */
const stockKernels = new Map()
/** tfjs's own kernel of that name, as a body. */
export const stockKernel = (tf, kernelName) => {
  const stock = stockKernels.get(kernelName) ?? tf.getKernel(kernelName, BACKEND)
  stockKernels.set(kernelName, stock)
  return ({ inputs, attrs }) => stock.kernelFunc({ inputs: inputs, attrs: attrs, backend: tf.backend() })
}
//# sourceMappingURL=registry.js.map
