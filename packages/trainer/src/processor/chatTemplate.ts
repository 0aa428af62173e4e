import { Template } from '@huggingface/jinja'

/** What stands for a picture in a problem's text. */
export const IMAGE_PLACEHOLDER = '<image>'

/** The user's message with a generation prompt, rendered; pictures stand where their placeholders stood. */
export type ChatTemplate = (problem: string) => string

/** From a chat template in Jinja and the special tokens it may name (`bos_token`, `eos_token`, …). Throws on a template that does not parse. */
export const chatTemplate = (source: string, specials: Readonly<Record<string, string>>): ChatTemplate => {
  const template = new Template(source)
  return (problem) =>
    template.render({
      ...specials,
      messages: [{ role: 'user', content: contentParts(problem) }],
      add_generation_prompt: true,
    })
}

/** Text and pictures of a problem, in order. */
const contentParts = (problem: string): ReadonlyArray<Readonly<Record<string, string>>> =>
  problem
    .split(IMAGE_PLACEHOLDER)
    .flatMap((text, i) => [...(i > 0 ? [{ type: 'image' }] : []), ...(text === '' ? [] : [{ type: 'text', text }])])

/**
 * A format prompt as EasyR1 keeps them: a Jinja template of `content`. Throws on a template that does not parse.
 * Jinja's default drops one newline at the end of the file.
 */
export const formatPrompt = (source: string): ((problem: string) => string) => {
  const template = new Template(source.replace(/\n$/, ''))
  return (problem) => template.render({ content: problem })
}
