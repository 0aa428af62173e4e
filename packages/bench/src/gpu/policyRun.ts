import { sizeOf } from '@durian/core'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { CannotRun, type Run } from './command.ts'
import { type GpuModel, gpuModel, largestTensor, parameterCount, tokenCounts } from './models.ts'
import { subjectOf, weightsOf } from './subject.ts'
import { difference, openTorch, type TorchPeers } from './torch.ts'

/** Steps that both sides take before anything is timed: the first shows the same policy, the second the same gradient and AdamW. */
const CHECKED_STEPS = 2

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`

/** The model of a run, of which the device must be able to hold every tensor. */
const modelOf = async ({ options, opened, demoFolder }: Run): Promise<GpuModel> => {
  const found = await gpuModel(options.model, { demoFolder, tiny: options.tiny })()
  if (E.isLeft(found)) throw new CannotRun(sentence(found.left))
  const model =
    options.checkpointing === null
      ? found.right
      : { ...found.right, plan: { ...found.right.plan, checkpointing: options.checkpointing } }
  const { name, shape } = largestTensor(model.policy)
  const bytes = 4 * sizeOf(shape)
  if (bytes > opened.facts.largestTensor)
    throw new CannotRun(
      `${model.name}: ${name} [${shape.join(', ')}] takes ${mebibytes(bytes)} and the largest buffer of this device ${mebibytes(opened.facts.largestTensor)}; measure a smaller --model.`,
    )
  return model
}

const checked = async (
  { options, say, result }: Run,
  subject: { readonly step: () => Promise<Parameters<typeof difference>[0]> },
  { peers, leftOut }: TorchPeers,
) => {
  const left: Record<string, string> = { ...leftOut }
  const losses: object[] = []
  for (let step = 1; step <= CHECKED_STEPS; step++) {
    const ours = await subject.step()
    losses.push({ step, by: 'durian', ...ours })
    for (const { precision, step: theirStep } of peers) {
      if (left[precision] !== undefined) continue
      try {
        const { ms: _, ...theirs } = await theirStep()
        losses.push({ step, by: precision, ...theirs })
        const comparable = precision === 'float32' && options.precision === 'float32'
        const found = comparable ? difference(ours, theirs) : undefined
        if (found !== undefined) left[precision] = `step ${step} is other work: ${found}`
      } catch (thrown) {
        left[precision] = (thrown as Error).message
      }
    }
  }
  result.set('checks', losses)
  for (const line of losses) say(`  ${JSON.stringify(line)}`)
  return left
}

/** A policy on the device, and PyTorch's where there is one, with which it agrees. */
export const openPolicy = async (run: Run, training: boolean) => {
  const { options, opened, demoFolder, result, say } = run
  const model = await modelOf(run)
  const { policy, plan } = model
  const facts = {
    name: model.name,
    tiny: options.tiny,
    parameters: parameterCount(policy),
    policy,
    plan,
    tokens: tokenCounts(model),
  }
  result.set('model', facts)
  say(
    `${model.name}: ${(facts.parameters / 1e6).toFixed(1)} million parameters, ${JSON.stringify(facts.tokens)} tokens`,
  )
  const weight = await weightsOf(model, demoFolder)()
  if (E.isLeft(weight)) throw new CannotRun(sentence(weight.left))
  const options_ = { weight: weight.right, training }
  const subject = await subjectOf(opened.backend, model, options_)()
  if (E.isLeft(subject)) throw new CannotRun(sentence(subject.left))
  const torch: TorchPeers =
    options.python === null
      ? { peers: [], leftOut: { torch: 'asked to be left out' }, close: () => undefined }
      : await openTorch(options.python, model, options_)
  const leftOut = training ? await checked(run, subject.right, torch) : torch.leftOut
  const peers = torch.peers.filter(({ precision }) => leftOut[precision] === undefined)
  result.set('torch', {
    descriptions: Object.fromEntries(peers.map((one) => [one.precision, one.description])),
    leftOut,
  })
  for (const [name, reason] of Object.entries(leftOut)) say(`  PyTorch ${name} is left out: ${reason}`)
  return { model, subject: subject.right, peers, close: torch.close }
}
