/** What EasyR1 asks of a model that shall think before it answers (`EasyR1@b44b311 examples/format_prompt/math.jinja`): a run repeats it to the letter. */
const instruction =
  'You FIRST think about the reasoning process as an internal monologue and then provide the final answer. ' +
  'The reasoning process MUST BE enclosed within <think> </think> tags. The final answer MUST BE put in \\boxed{}.'

/**
 * Format prompts that `format_prompt` knows by name, as Jinja templates of `content`:
 * - `easyr1-math`: the question, then EasyR1's instruction;
 * - `paper-thinking`: the same instruction first, because the paper prepends its "thinking prompt", whose words it does not give.
 */
export const formatPrompts = {
  'easyr1-math': `{{ content | trim }} ${instruction}`,
  'paper-thinking': `${instruction} {{ content | trim }}`,
} as const satisfies Readonly<Record<string, string>>
