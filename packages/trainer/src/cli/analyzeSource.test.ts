import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { readSource, type SourceOptions } from './analyzeSource.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-analyze-'))
})
afterAll(() => rm(folder, { recursive: true }))

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

const read = async (path: string, options: SourceOptions = { onError: 'fail' }) => {
  const result = await readSource(path, options)()
  return E.isLeft(result) ? sentence(result.left) : result.right
}

const rows = [
  '{"id":"a","rewards":[1,1,1,0],"confidence":-1}',
  '{"id":"b","rewards":[1,null,0,0],"logprobs":[[-1],[-9],[-2],[-3]],"features":[[1,0],[-1,0],[0,1],[0,-1]]}',
]

describe('durian analyze on rows for durian advantages', () => {
  it('takes them as one batch, the last one without its newline too', async () => {
    for (const end of ['', '\n']) {
      const { batches } = (await read(await file('rows.jsonl', rows.join('\n') + end))) as Exclude<
        Awaited<ReturnType<typeof read>>,
        string
      >
      expect(batches).toHaveLength(1)
      expect(batches[0]!.samples).toEqual([
        { rewards: [1, 1, 1, 0], entropy: null, confidence: -1 },
        { rewards: [1, null, 0, 0], entropy: expect.closeTo(Math.LN2, 14) as number, confidence: -2 },
      ])
      expect(batches[0]!.right[1]).toEqual([true, null, false, false])
    }
  })

  it('names file and line of a bad row, or leaves it out and says so', async () => {
    const path = await file('bad.jsonl', [rows[0], '{"id":"c","reward":[1]}', 'oops', rows[1]].join('\n'))
    expect(await read(path)).toBe(`${path}, line 2: unknown key 'reward' (did you mean 'rewards'?).`)
    const said: Array<string> = []
    const found = await read(path, { onError: 'skip', say: (line) => said.push(line) })
    expect(found).toMatchObject({ batches: [{ samples: [{ confidence: -1 }, { confidence: -2 }] }] })
    expect(said[0]).toMatch(/^Skipped 2 of 4 rows: 1 not JSON, 1 with a wrong or missing field\. The first: .*line 2/)
  })

  it('says that a file is empty, and what it wants when there is none', async () => {
    const empty = await file('empty.jsonl', '\n\n')
    expect(await read(empty)).toBe(`${empty} holds no rollouts.`)
    expect(await read(join(folder, 'none'))).toContain('does not exist; give a run folder or a JSONL file')
  })

  it('takes a line with completions for the log of a run', async () => {
    expect(await read(await file('log.jsonl', '{"step": 1, "completions": 3}\n'))).toMatch(/log\.jsonl line 1/)
  })
})
