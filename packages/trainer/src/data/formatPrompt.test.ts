import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { readFormatPrompt } from './formatPrompt.ts'

const rendered = async (given: string, problem: string): Promise<string> => {
  const format = await readFormatPrompt(given)()
  return E.isRight(format) ? format.right(problem) : sentence(format.left)
}

describe('readFormatPrompt', () => {
  it("knows EasyR1's prompt by name, after the question, and the paper's order of it, before", async () => {
    const after = await rendered('easyr1-math', ' <image>How long is AB? ')
    expect(after).toBe(
      '<image>How long is AB? You FIRST think about the reasoning process as an internal monologue and then provide the final answer. ' +
        'The reasoning process MUST BE enclosed within <think> </think> tags. The final answer MUST BE put in \\boxed{}.',
    )
    const instruction = after.slice('<image>How long is AB? '.length)
    expect(await rendered('paper-thinking', '<image>How long is AB?')).toBe(`${instruction} <image>How long is AB?`)
  })

  it('takes a template as it is written, or a file of one', async () => {
    expect(await rendered('{{ content | upper }}!', 'why')).toBe('WHY!')
    const folder = await mkdtemp(join(tmpdir(), 'durian-prompt-'))
    await writeFile(join(folder, 'p.jinja'), 'Q: {{ content }}\n')
    expect(await rendered(join(folder, 'p.jinja'), 'why')).toBe('Q: why')
    await rm(folder, { recursive: true })
  })

  it('says what it takes', async () => {
    expect(await rendered('easyr1-maths', 'why')).toBe(
      'format_prompt easyr1-maths cannot be read; name a file with a Jinja template of `content`, write the template itself, or take easyr1-math or paper-thinking.',
    )
    expect(await rendered('{{ content', 'why')).toMatch(/^format_prompt \{\{ content: /)
  })
})
