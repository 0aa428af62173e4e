import type { GroupKind } from '@durian/core'
import type { CompletionRecord } from '../../run/records.ts'
import { compared, type StepAnalysis } from '../analysis.ts'
import { escaped, html, raw, type Html } from '../html.ts'
import { bucketKeys, estimatorKeys, kindKeys } from '../palette.ts'
import { picture, type Pictures } from '../pictures.ts'

/** A prompt of the last logged step with what each estimator makes of its rollouts. */
export interface Sample {
  readonly record: CompletionRecord
  readonly kind: GroupKind
  readonly views: ReadonlyArray<View>
}

interface View {
  readonly label: string
  /** These advantages trained the policy. */
  readonly used: boolean
  /** [G] */
  readonly advantages: ReadonlyArray<number | null>
  /** Greatest |advantage| of the whole step: the length of a full bar. */
  readonly greatest: number
}

/** What is shown first: the groups that the estimators disagree about. */
const preferred: ReadonlyArray<GroupKind> = [
  'one_wrong',
  'one_right',
  'mixed',
  'shaping_only',
  'all_right',
  'all_wrong',
]
const SHOWN = 8

type Groups = ReadonlyArray<ReadonlyArray<number | null>>

const greatestOf = (groups: Groups): number => {
  let greatest = 0
  for (const group of groups) for (const advantage of group) greatest = Math.max(greatest, Math.abs(advantage ?? 0))
  return greatest
}

/** Equal up to the rounding of JSON and of a different order of sums. */
const same = (a: Groups, b: Groups): boolean =>
  a.every((group, s) =>
    group.every((x, i) => Math.abs((x ?? 0) - (b[s]?.[i] ?? 0)) <= 1e-9 * Math.max(1, Math.abs(x ?? 0))),
  )

/**
 * Prompts of the last step, at most two of a kind, those with a gradient first. What was logged as used gets a column of its own unless one
 * of the compared estimators gives the same (with part of the prompts logged, none may).
 */
export const chooseSamples = (
  records: ReadonlyArray<CompletionRecord>,
  steps: ReadonlyArray<StepAnalysis>,
): ReadonlyArray<Sample> => {
  const analysis = steps.at(-1)
  if (analysis === undefined) return []
  const members = records.filter((record) => record.step === analysis.step)
  const logged = members.map((record) => record.completions.map(({ advantage }) => advantage))
  const views = compared.map((name) => {
    const groups = analysis.estimators[name].advantages
    return { label: estimatorKeys[name].label, groups, greatest: greatestOf(groups), used: same(groups, logged) }
  })
  const all = views.some(({ used }) => used)
    ? views
    : [{ label: 'used', groups: logged, greatest: greatestOf(logged), used: true }, ...views]
  const samples = members.map((record, s) => ({
    record,
    kind: analysis.kinds[s]!,
    views: all.map(({ groups, ...view }) => ({ ...view, advantages: groups[s]! })),
  }))
  return preferred.flatMap((kind) => samples.filter((sample) => sample.kind === kind).slice(0, 2)).slice(0, SHOWN)
}

const signed = (value: number | null): string =>
  value === null ? '–' : `${value < 0 ? '−' : value > 0 ? '+' : ''}${Math.abs(value).toFixed(2)}`

/** A small bar from the middle: right of it pushes up, left of it down. */
const pull = (value: number | null, greatest: number): Html | null => {
  if (value === null || value === 0 || greatest === 0) return null
  const width = ((50 * Math.abs(value)) / greatest).toFixed(1)
  return html`<i class="${value < 0 ? 'down' : 'up'}" style="width:${width}%"></i>`
}

/** Without a blank around it: the text keeps its own. */
const said = (text: string, terminated: boolean): Html =>
  raw(
    `<span class="said">${escaped(text)}</span>${terminated ? '' : ' <em title="no end token within the length limit">…cut off</em>'}`,
  )

/** Rollouts that say the same, once, with how many there are; in the order of their first. */
export const merged = (record: CompletionRecord): ReadonlyArray<{ readonly index: number; readonly times: number }> => {
  const seen = new Map<string, { index: number; times: number }>()
  record.completions.forEach(({ text, terminated, reward }, index) => {
    const key = JSON.stringify([text, terminated, reward])
    const known = seen.get(key)
    if (known === undefined) seen.set(key, { index, times: 1 })
    else known.times++
  })
  return [...seen.values()]
}

const facts = (record: CompletionRecord): string => {
  const bucket = record.perceptual_bucket === null ? '' : ` (${bucketKeys[record.perceptual_bucket]?.label ?? ''})`
  const group = record.reasoning_bucket === null ? '' : ` (group ${record.reasoning_bucket})`
  const extra = Object.entries(record.extra).flatMap(([key, value]) =>
    typeof value === 'string' || typeof value === 'boolean'
      ? [`${key} ${value}`]
      : typeof value === 'number'
        ? [`${key} ${Number(value.toPrecision(3))}`]
        : [],
  )
  return [
    ...(record.visual_entropy === null ? [] : [`visual entropy ${record.visual_entropy.toFixed(2)}${bucket}`]),
    `confidence ${record.confidence.toFixed(2).replace('-', '−')}${group}`,
    ...extra,
  ].join(' · ')
}

const head = ({ record, views }: Sample, names: ReadonlyArray<string>): Html =>
  html`<tr>
    <th scope="col">rollouts</th>
    <th scope="col"></th>
    ${names.map(
      (name) => html`<th scope="col" class="number">${name.replace(/_reward$/, '').replaceAll('_', ' ')}</th>`,
    )}
    <th scope="col" class="number">${record.completions.length > 0 ? 'reward' : ''}</th>
    ${views.map(({ label, used }) => html`<th scope="col" class="number ${used ? 'used' : ''}">${label}</th>`)}
  </tr>`

const rollout = ({ record, views }: Sample, names: ReadonlyArray<string>, index: number, times: number): Html => {
  const { text, terminated, reward, rewards } = record.completions[index]!
  return html`<tr>
    <td class="times">${times} ×</td>
    <td class="text">${said(text, terminated)}</td>
    ${names.map((name) => html`<td class="number">${rewards[name] ?? '–'}</td>`)}
    <td class="number">${reward === null ? '–' : Number(reward.toFixed(3))}</td>
    ${views.map(
      ({ advantages, greatest, used }) =>
        html`<td class="number pull ${used ? 'used' : ''}">
          ${pull(advantages[index]!, greatest)}<span>${signed(advantages[index]!)}</span>
        </td>`,
    )}
  </tr>`
}

const card = (sample: Sample, pictures: Pictures): Html => {
  const { record, kind } = sample
  const names = [...new Set(record.completions.flatMap((one) => Object.keys(one.rewards)))]
  return html`<article class="sample">
    <header>
      <div class="pictures">
        ${record.images.map((path) => html`<span class="thumb">${picture(pictures, path, record.problem)}</span>`)}
      </div>
      <div>
        <p class="kind"><i style="background:${kindKeys[kind].colour}"></i>${kindKeys[kind].label}</p>
        <p class="problem">${record.problem.replaceAll('<image>', '').trim()}</p>
        <p>Answer <b>${record.answer}</b></p>
        <p class="facts">${facts(record)}</p>
      </div>
    </header>
    <div class="scroll">
      <table class="rollouts">
        <thead>
          ${head(sample, names)}
        </thead>
        <tbody>
          ${merged(record).map(({ index, times }) => rollout(sample, names, index, times))}
        </tbody>
      </table>
    </div>
  </article>`
}

/** Rollouts of a few prompts with rewards, and the advantage each estimator gives them. */
export const sampleCards = (samples: ReadonlyArray<Sample>, pictures: Pictures): Html | null =>
  samples.length === 0 ? null : html`${samples.map((sample) => card(sample, pictures))}`
