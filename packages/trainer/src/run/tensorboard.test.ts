import { describe, expect, it } from 'vitest'
import { scalarsRecord, tfRecord, versionRecord } from './tensorboard.ts'

/** CRC-32C by the bit, from its polynomial: slow and independent of the library that writes. */
const crcByBit = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
const masked = (bytes: Uint8Array): number => {
  const crc = crcByBit(bytes)
  return ((((crc >>> 15) | ((crc << 17) >>> 0)) + 0xa282ead8) % 2 ** 32) >>> 0
}

/** Splits a file into its records, checking every length and CRC. */
const records = (file: Uint8Array): ReadonlyArray<Uint8Array> => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const out: Array<Uint8Array> = []
  let at = 0
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true))
    expect(view.getUint32(at + 8, true)).toBe(masked(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(view.getUint32(at + 12 + length, true)).toBe(masked(data))
    out.push(data)
    at += 16 + length
  }
  expect(at).toBe(file.length)
  return out
}

type Wire = ReadonlyArray<{ readonly field: number; readonly value: number | Uint8Array | DataView }>

/** Protobuf's wire format, read by hand. */
const wire = (bytes: Uint8Array): Wire => {
  const out: Array<{ field: number; value: number | Uint8Array | DataView }> = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const [field, type] = [key >>> 3, key & 7]
    if (type === 0) out.push({ field, value: varint() })
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : varint()
      const part = bytes.subarray(at, at + length)
      out.push({ field, value: type === 2 ? part : new DataView(part.buffer, part.byteOffset, length) })
      at += length
    }
  }
  return out
}
const text = (value: unknown): string => new TextDecoder().decode(value as Uint8Array)

describe('TensorBoard events', () => {
  it('golden: the CRC of "123456789" is the published check value of CRC-32C', () => {
    expect(crcByBit(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
  })

  it('begin with the version that TensorBoard asks for', () => {
    const [event, ...rest] = records(versionRecord(12.5)).map(wire)
    expect(rest).toEqual([])
    expect(event!.map(({ field }) => field)).toEqual([1, 3])
    expect((event![0]!.value as DataView).getFloat64(0, true)).toBe(12.5)
    expect(text(event![1]!.value)).toBe('brain.Event:2')
  })

  it('carry tag, value, step and time as an independent reader sees them', () => {
    const file = Buffer.concat([
      versionRecord(1),
      scalarsRecord({ loss: -0.25, 'rewards/a/mean': 0.5, broken: NaN }, 300, 2.5),
      tfRecord(new Uint8Array()),
    ])
    const [, second, third] = records(file)
    const event = wire(second!)
    expect((event[0]!.value as DataView).getFloat64(0, true)).toBe(2.5)
    expect(event[1]).toEqual({ field: 2, value: 300 })
    const scalars = wire(event[2]!.value as Uint8Array).map(({ value }) => {
      const [tag, simple] = wire(value as Uint8Array)
      return [text(tag!.value), (simple!.value as DataView).getFloat32(0, true)]
    })
    expect(scalars).toEqual([
      ['loss', -0.25],
      ['rewards/a/mean', 0.5],
    ])
    expect(third).toHaveLength(0)
  })
})
