import { assemble } from '@durian/core/wasm'
import { describe, expect, it } from 'vitest'
import { withSharedMemory } from './sharedModule.ts'

const HEAD = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
/** A custom section of 200 bytes, then a memory. */
const module = (...memory: ReadonlyArray<number>) =>
  Uint8Array.from([...HEAD, 0, 0xc8, 1, 1, 0x61, ...new Array<number>(198).fill(5), 5, memory.length, ...memory])

describe('a module with shared memory', () => {
  it('differs in one byte, the flag of its memory', () => {
    const plain = module(1, 1, 16, 32)
    const shared = withSharedMemory(plain)
    expect([...shared].flatMap((byte, at) => (byte === plain[at] ? [] : [[byte, at]]))).toEqual([[3, plain.length - 3]])
    expect([...plain]).toEqual([...module(1, 1, 16, 32)])
  })

  it.each([
    ['without a maximum', module(1, 0, 16)],
    ['two memories', module(2, 1, 16, 32, 1, 16, 32)],
    ['its memory imported', assemble({})],
    ['nothing', new Uint8Array()],
  ])('is not made from one with %s', (_, plain) => {
    expect(() => withSharedMemory(plain)).toThrow('not of the expected kind')
  })
})
