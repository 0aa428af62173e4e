import { crc32c } from '@aws-crypto/crc32c'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** CRC-32C as TFRecord stores it: rotated right by 15 bits and shifted, so that a CRC of data with CRCs in it stays sound. */
const maskedCrc = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes) >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One TFRecord: length (uint64), its CRC, the data, its CRC; little endian. */
export const tfRecord = (data: Uint8Array): Uint8Array => {
  const record = new Uint8Array(8 + 4 + data.length + 4)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc(data), true)
  return record
}

// Field numbers of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const
const SUMMARY_VALUE = 1
const VALUE = { tag: 1, simpleValue: 2 } as const

/** The record every events file begins with. `wallTime` is in seconds. */
export const versionRecord = (wallTime: number): Uint8Array =>
  tfRecord(
    new BinaryWriter()
      .tag(EVENT.wallTime, WireType.Bit64)
      .double(wallTime)
      .tag(EVENT.fileVersion, WireType.LengthDelimited)
      .string('brain.Event:2')
      .finish(),
  )

/** One event with all scalars of a step. Values that are not finite are left out. */
export const scalarsRecord = (
  scalars: Readonly<Record<string, number>>,
  step: number,
  wallTime: number,
): Uint8Array => {
  const summary = new BinaryWriter()
  for (const [tag, value] of Object.entries(scalars)) {
    if (!Number.isFinite(value)) continue
    summary
      .tag(SUMMARY_VALUE, WireType.LengthDelimited)
      .fork()
      .tag(VALUE.tag, WireType.LengthDelimited)
      .string(tag)
      .tag(VALUE.simpleValue, WireType.Bit32)
      .float(Math.fround(value))
      .join()
  }
  return tfRecord(
    new BinaryWriter()
      .tag(EVENT.wallTime, WireType.Bit64)
      .double(wallTime)
      .tag(EVENT.step, WireType.Varint)
      .int64(step)
      .tag(EVENT.summary, WireType.LengthDelimited)
      .bytes(summary.finish())
      .finish(),
  )
}
