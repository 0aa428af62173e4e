import { webGpuLaws } from '@durian/backend-webgpu/laws'
import { type Command, OutOfTime } from './command.ts'

/** With so few laws the program is tried, not the device. */
const TINY_STRIDE = 12

/** Every law with the kernels that the device takes, then with the other kind. */
export const laws: Command = async ({ options, opened, deadline, result, say }) => {
  const own = opened.facts.software ? 'barrier-free' : 'shared-memory'
  const other = own === 'barrier-free' ? 'shared-memory' : 'barrier-free'
  let broken = 0
  let unchecked = 0
  for (const kernels of options.tiny ? ([own] as const) : ([own, other] as const)) {
    const list = webGpuLaws(opened.kernels.use(kernels)).filter((_, i) => !options.tiny || i % TINY_STRIDE === 0)
    const found = { kernels, laws: list.length, checked: 0, broken: [] as Array<{ name: string; error: string }> }
    const began = performance.now()
    for (const { name, check } of list) {
      if (deadline.left() < 0) break
      const error = await check().then(
        () => null,
        (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
      )
      found.checked++
      if (error === null) continue
      found.broken.push({ name, error })
      say(`  broken: ${name}: ${error.split('\n')[0]}`)
    }
    const seconds = (performance.now() - began) / 1000
    result.push('results', { ...found, seconds })
    say(
      `${kernels}: ${found.checked} of ${found.laws} laws checked, ${found.broken.length} broken, ${seconds.toFixed(0)} s`,
    )
    broken += found.broken.length
    unchecked += found.laws - found.checked
  }
  if (broken === 0 && unchecked > 0) throw new OutOfTime(`There was no time for ${unchecked} laws.`)
  return broken === 0
}
