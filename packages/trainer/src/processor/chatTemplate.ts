import { Template } from '@huggingface/jinja'

/** What stands for a picture in a problem's text. */
export const IMAGE_PLACEHOLDER = '<image>'

/** A message of a conversation; its text has a placeholder where each picture stands. */
export interface ChatMessage {
  readonly role: string
  readonly content: string
}

/** A user's message, or a conversation, with a generation prompt, rendered; pictures stand where their placeholders stood. */
export type ChatTemplate = (prompt: string | ReadonlyArray<ChatMessage>) => string

/** From a chat template in Jinja and the special tokens it may name (`bos_token`, `eos_token`, …). Throws on a template that does not parse. */
export const chatTemplate = (source: string, specials: Readonly<Record<string, string>>): ChatTemplate => {
  const template = new Template(source)
  return (prompt) => {
    const messages = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt
    return template.render({
      ...specials,
      messages: messages.map(({ role, content }) => ({ role, content: contentParts(content) })),
      add_generation_prompt: true,
    })
  }
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
