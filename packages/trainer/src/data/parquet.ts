import { either as E } from 'fp-ts'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type FileMetaData } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

export type Records = ReadonlyArray<Readonly<Record<string, unknown>>>

/** A parquet file whose footer has been read; `groups` decodes one row group at a time, so a big file is never whole in memory decoded. */
export interface ParquetFile {
  readonly columns: ReadonlyArray<string>
  readonly rows: number
  readonly groups: () => AsyncGenerator<Records>
}

/** Names of the top-level columns: schema elements are listed depth first, so each child's own children are stepped over. */
const topLevel = ({ schema }: FileMetaData): ReadonlyArray<string> => {
  const names: Array<string> = []
  let at = 1
  const step = (): void => {
    const children = schema[at++]!.num_children ?? 0
    for (let i = 0; i < children; i++) step()
  }
  while (at < schema.length) {
    names.push(schema[at]!.name)
    step()
  }
  return names
}

/**
 * Opens a parquet file of any codec hyparquet knows.
 *
 * `utf8: false` everywhere: otherwise hyparquet decodes every plain byte array as text and picture bytes are lost.
 * Left: why the file cannot be read. `groups` rejects with an Error when a row group is broken.
 */
export const openParquet = async (path: string): Promise<E.Either<string, ParquetFile>> => {
  try {
    const file = await asyncBufferFromFile(path)
    const metadata = await parquetMetadataAsync(file)
    async function* groups(): AsyncGenerator<Records> {
      let rowStart = 0
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows)
        yield await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors, utf8: false })
        rowStart = rowEnd
      }
    }
    return E.right({ columns: topLevel(metadata), rows: Number(metadata.num_rows), groups })
  } catch (thrown) {
    return E.left(thrown instanceof Error ? thrown.message : String(thrown))
  }
}
