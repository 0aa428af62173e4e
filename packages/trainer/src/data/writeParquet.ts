import type { SchemaElement } from 'hyparquet'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Row } from './types.ts'

/** A column beside images, problem, answer and solution; `integer` is 32 bits. */
export interface ExtraColumn {
  readonly name: string
  readonly type: 'text' | 'integer' | 'real'
}

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'OPTIONAL',
})

const extraElement = ({ name, type }: ExtraColumn): SchemaElement => {
  if (type === 'text') return text(name)
  return { name, type: type === 'integer' ? 'INT32' : 'DOUBLE', repetition_type: 'OPTIONAL' }
}

/** Geometry3K's schema, depth first: `images: list<struct<bytes, path>>`, then one element per plain column. */
const schemaOf = (extra: ReadonlyArray<ExtraColumn>): Array<SchemaElement> => [
  { name: 'schema', num_children: 4 + extra.length },
  { name: 'images', converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
  { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  text('path'),
  text('problem'),
  text('answer'),
  text('solution'),
  ...extra.map(extraElement),
]

/** What `datasets` reads from the file, so that the pictures arrive there as images and not as structs. */
const huggingFaceFeatures = (extra: ReadonlyArray<ExtraColumn>): string => {
  const dtype = { text: 'string', integer: 'int32', real: 'float64' } as const
  const value = (name: string) => ({ dtype: name, _type: 'Value' })
  const plain = Object.fromEntries(extra.map(({ name, type }) => [name, value(dtype[type])]))
  const features = {
    images: { feature: { _type: 'Image' }, _type: 'Sequence' },
    problem: value('string'),
    answer: value('string'),
    solution: value('string'),
    ...plain,
  }
  return JSON.stringify({ info: { features } })
}

/**
 * Writes rows in the Geometry3K schema, one row group per batch, and gives the file its name only when it is whole.
 * The directory is made if absent; an existing file is replaced. Row ids are not written: a row is its place in the file.
 *
 * Rejects with the file system's error; nothing is left under the name then.
 */
export const writeParquet = async (
  path: string,
  extra: ReadonlyArray<ExtraColumn>,
  batches: AsyncIterable<ReadonlyArray<Row>>,
): Promise<void> => {
  const partial = `${path}.partial`
  await mkdir(dirname(path), { recursive: true })
  try {
    const writer = new ParquetWriter({
      writer: fileWriter(partial),
      schema: schemaOf(extra),
      kvMetadata: [{ key: 'huggingface', value: huggingFaceFeatures(extra) }],
      createdBy: 'durian',
    })
    for await (const rows of batches) {
      const images = rows.map((row) => row.images.map((bytes) => ({ bytes, path: null })))
      await writer.write({
        columnData: [
          // PNG and JPEG do not get smaller, and no two are alike.
          { name: 'images', data: images, codec: 'UNCOMPRESSED', encoding: 'PLAIN', statistics: false },
          { name: 'problem', data: rows.map((row) => row.problem) },
          { name: 'answer', data: rows.map((row) => row.answer) },
          { name: 'solution', data: rows.map((row) => row.solution ?? null) },
          ...extra.map(({ name }) => ({ name, data: rows.map((row) => row.extra[name] ?? null) })),
        ],
        rowGroupSize: Math.max(1, rows.length),
      })
    }
    await writer.finish()
    await rename(partial, path)
  } catch (thrown) {
    await rm(partial, { force: true })
    throw thrown
  }
}
