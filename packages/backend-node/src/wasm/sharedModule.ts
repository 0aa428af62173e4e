const MEMORY_SECTION = 5
/** One memory with a maximum; and the same, shared. */
const [BOUNDED, SHARED] = [1, 3]

/**
 * A WebAssembly module whose own memory several threads may share: the same code, one byte of it changed. Instructions on shared memory are those
 * on any other, so the module computes what it always did.
 * @throws Error where the module has not exactly one memory with a maximum
 */
export const withSharedMemory = (module: Uint8Array): Uint8Array<ArrayBuffer> => {
  const patched = Uint8Array.from(module)
  const at = limitsOf(patched)
  if (patched[at] !== BOUNDED) throw new Error('the memory of tfjs-backend-wasm is not of the expected kind')
  patched[at] = SHARED
  return patched
}

/** Where the flags of the one memory lie: behind the section's id, its length, and the count of memories. */
const limitsOf = (module: Uint8Array): number => {
  for (let at = 8; at < module.length;) {
    const id = module[at]
    const length = unsignedAt(module, at + 1)
    if (id === MEMORY_SECTION && module[length.end] === 1) return length.end + 1
    at = length.end + length.value
  }
  return module.length
}

/** LEB128. */
const unsignedAt = (bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } => {
  let value = 0
  for (let at = start; ; at++) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * (at - start))
    if (byte < 0x80) return { value, end: at + 1 }
  }
}
