import type { GroupKind } from '@durian/core'
import type { CompletionRecord } from '../../run/records.ts'
import { compared, type StepAnalysis } from '../analysis.ts'
import { html, type Html } from '../html.ts'
import { bucketKeys, estimatorKeys, kindKeys } from '../palette.ts'
import { picture, type Pictures } from '../pictures.ts'

/** A prompt of the last logged step with what each estimator makes of its rollouts. */
export interface Sample {
  readonly record: CompletionRecord
  readonly kind: GroupKind
  /** By estimator, [G]. */
  readonly advantages: ReadonlyArray<readonly [name: (typeof compared)[number], values: ReadonlyArray<number | null>]>
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

/** Prompts of one step, at most two of a kind, those with a gradient first. */
export const chooseSamples = (
  records: ReadonlyArray<CompletionRecord>,
  steps: ReadonlyArray<StepAnalysis>,
): ReadonlyArray<Sample> => {
  const analysis = steps.at(-1)
  if (analysis === undefined) return []
  const members = records
    .filter((record) => record.step === analysis.step)
    .map((record, s) => ({
      record,
      kind: analysis.kinds[s]!,
      advantages: compared.map((name) => [name, analysis.estimators[name].advantages[s]!] as const),
    }))
  return preferred.flatMap((kind) => members.filter((member) => member.kind === kind).slice(0, 2)).slice(0, SHOWN)
}

const signed = (value: number | null): string =>
  value === null ? '–' : `${value < 0 ? '−' : value > 0 ? '+' : ''}${Math.abs(value).toFixed(2)}`

/** A small bar from the middle: right of it pushes up, left of it down. */
const pull = (value: number | null, scale: number): Html => {
  if (value === null || scale === 0) return html``
  const width = (50 * Math.min(1, Math.abs(value) / scale)).toFixed(1)
  return html`<i class="${value < 0 ? 'down' : 'up'}" style="width:${width}%"></i>`
}

const card = ({ record, kind, advantages }: Sample, used: string, pictures: Pictures): Html => {
  const names = [...new Set(record.completions.flatMap((one) => Object.keys(one.rewards)))]
  const scales = advantages.map(([, values]) => Math.max(...values.map((value) => Math.abs(value ?? 0))))
  const facts = [
    record.visual_entropy === null
      ? null
      : `visual entropy ${record.visual_entropy.toFixed(2)}${record.perceptual_bucket === null ? '' : ` (${bucketKeys[record.perceptual_bucket]?.label ?? record.perceptual_bucket})`}`,
    `confidence ${record.confidence.toFixed(2)}${record.reasoning_bucket === null ? '' : ` (group ${record.reasoning_bucket})`}`,
    ...Object.entries(record.extra).flatMap(([key, value]) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [`${key} ${typeof value === 'number' ? Number(value.toPrecision(3)) : value}`]
        : [],
    ),
  ].filter((fact) => fact !== null)
  return html`<article class="sample">
    <header>
      <div class="pictures">
        ${record.images.map((path) => html`<span class="thumb">${picture(pictures, path, record.problem)}</span>`)}
      </div>
      <div>
        <p class="kind"><i style="background:${kindKeys[kind].colour}"></i>${kindKeys[kind].label}</p>
        <p class="problem">${record.problem.replaceAll('<image>', '').trim()}</p>
        <p>Answer <b>${record.answer}</b></p>
        <p class="facts">${facts.join(' · ')}</p>
      </div>
    </header>
    <div class="scroll">
      <table class="rollouts">
        <thead>
          <tr>
            <th scope="col">rollout</th>
            ${names.map((name) => html`<th scope="col" class="number">${name.replace(/_reward$/, '').replaceAll('_', ' ')}</th>`)}
            <th scope="col" class="number">reward</th>
            ${advantages.map(
              ([name]) =>
                html`<th scope="col" class="number ${name === used ? 'used' : ''}">${estimatorKeys[name].label}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${record.completions.map(
            (one, i) =>
              html`<tr>
                <td class="text">
                  ${one.text}${one.terminated ? null : html`<em title="cut off at the length limit"> …cut off</em>`}
                </td>
                ${names.map((name) => html`<td class="number">${one.rewards[name] ?? '–'}</td>`)}
                <td class="number">${one.reward === null ? '–' : Number(one.reward.toFixed(3))}</td>
                ${advantages.map(
                  ([name, values], e) =>
                    html`<td class="number pull ${name === used ? 'used' : ''}">
                      ${pull(values[i]!, scales[e]!)}<span>${signed(values[i]!)}</span>
                    </td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </article>`
}

/** Rollouts of a few prompts with rewards, and the advantage each estimator gives them. */
export const sampleCards = (samples: ReadonlyArray<Sample>, used: string, pictures: Pictures): Html | null =>
  samples.length === 0 ? null : html`${samples.map((sample) => card(sample, used, pictures))}`
