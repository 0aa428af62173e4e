import { analyse, type StepAnalysis } from './analysis.ts'
import { perceptualFigures, reasoningFigures } from './figures/buckets.ts'
import { bucketExamples, bucketPictures } from './figures/bucketPictures.ts'
import { groupTable, kindsFigure, lopsidedFigure, zeroVarianceFigure } from './figures/groups.ts'
import { healthFigures, timingFigure } from './figures/health.ts'
import { accuracyFigure, coldStartFigure, rewardFigure } from './figures/learning.ts'
import { advantagesFigure, massFigure } from './figures/mass.ts'
import { beforeAfter, comparisonTable, familyFigure, resultTable, splitsOf } from './figures/result.ts'
import { chooseSamples, sampleCards } from './figures/samples.ts'
import { environmentTable, settingsTable } from './figures/settings.ts'
import { html, raw, type Html } from './html.ts'
import { readPictures, type Pictures } from './pictures.ts'
import type { Run } from './readRun.ts'
import { series } from './series.ts'
import { stepBatches } from './stepBatch.ts'
import { style } from './style.ts'
import { duration, percent, points } from './words.ts'

/** A run with everything the page shows of it. */
interface Prepared {
  readonly run: Run
  readonly steps: ReadonlyArray<StepAnalysis>
  readonly pictures: Pictures
}

const prepare = async (run: Run): Promise<Prepared> => {
  const { durian, std_epsilon, ddof } = run.config
  const steps = stepBatches(run.completions).map(
    analyse({
      weights: durian.weights,
      perceptualQuantiles: durian.perceptual_quantiles,
      reasoningGroups: durian.reasoning_groups,
      epsilon: std_epsilon,
      ddof,
    }),
  )
  const shown = [
    ...bucketExamples(run.completions).flat(),
    ...chooseSamples(run.completions, steps).map(({ record }) => record),
  ]
  return {
    run,
    steps,
    pictures: await readPictures(
      run.path,
      shown.flatMap(({ images }) => images),
    ),
  }
}

const tile = (value: string, text: string, main: '' | 'main' = ''): Html =>
  html`<div class="tile ${main}"><b>${value}</b><span>${text}</span></div>`

/** The run in five numbers. */
const tiles = ({ metrics, config, evaluations, ...run }: Run): Html => {
  const full = { metrics, config, evaluations, ...run }
  const found = splitsOf(full)
    .map((split) => beforeAfter(full, split))
    .find((one) => one !== null)
  const steps = metrics.filter(({ step }) => step > 0)
  const seconds = series(full, 'step_time').reduce((total, { value }) => total + value, 0)
  const mismatch = series(full, 'sampling/sampling_logp_difference/max').reduce(
    (most, { value }) => Math.max(most, value),
    0,
  )
  return html`<div class="tiles">
    ${
      found === undefined || found === null
        ? null
        : [
            tile(
              `${(100 * found.before.accuracy).toFixed(1)} → ${percent(found.after.accuracy)}`,
              `greedy ${found.split} accuracy before and after, ${found.after.count} rows`,
              'main',
            ),
            found.difference === null
              ? null
              : tile(
                  `${points(found.difference.mean)} points`,
                  `95 % paired interval ${points(found.difference.interval[0])} to ${points(found.difference.interval[1])}`,
                ),
          ]
    }
    ${tile(String(steps.length), `steps of ${config.generation_batch_size / config.num_generations} prompts × ${config.num_generations} rollouts`)}
    ${seconds === 0 ? null : tile(duration(seconds), 'spent in training steps')}
    ${mismatch === 0 ? null : tile(mismatch.toExponential(1), 'nats between sampling and training, at most')}
  </div>`
}

const grid = (figures: ReadonlyArray<Html | null>): Html | null => {
  const present = figures.filter((one) => one !== null)
  return present.length === 0 ? null : html`<div class="grid">${present}</div>`
}

interface Section {
  readonly id: string
  readonly title: string
  readonly says: string
  readonly body: Html | null
}

const sectionOf = ({ id, title, says, body }: Section): Html =>
  html`<section id="${id}">
    <h2>${title}</h2>
    <p>${says}</p>
    ${body}
  </section>`

/** What is only shown for one run at a time. */
const detail = ({ run, steps, pictures }: Prepared, id: string): ReadonlyArray<Section> => [
  {
    id: `${id}groups`,
    title: 'Groups',
    says: 'Only prompts whose rollouts differ in reward teach anything. Lopsided groups, where all but one agree, are what GRPO over-weights.',
    body: grid([kindsFigure(run), zeroVarianceFigure([run]), lopsidedFigure([run]), groupTable(steps)]),
  },
  {
    id: `${id}estimators`,
    title: 'Who moves the update',
    says:
      'The rewards of this run through four ways to turn them into advantages' +
      (run.config.num_completions_to_log === null
        ? '.'
        : `, computed from the ${run.config.num_completions_to_log} prompts a step that were logged.`),
    body: grid([massFigure(steps), advantagesFigure(steps)]),
  },
  {
    id: `${id}difficulty`,
    title: 'Difficulty',
    says: 'Durian shares one std among prompts of like difficulty: by the visual entropy of their pictures and by the confidence of the policy.',
    body: grid([
      ...perceptualFigures(run),
      ...reasoningFigures(run),
      bucketPictures(bucketExamples(run.completions), pictures),
    ]),
  },
  {
    id: `${id}samples`,
    title: 'Rollouts',
    says:
      'Prompts of the last logged step with all their rollouts. Each estimator’s bar shows how far it pushes a rollout up (right) or down (left), against the strongest push of the step; ' +
      'the column in bold trained the policy.',
    body: sampleCards(chooseSamples(run.completions, steps), pictures),
  },
]

const subtitle = (runs: ReadonlyArray<Run>): string =>
  runs
    .map(
      ({ name, config, metrics }) =>
        `${runs.length > 1 ? `${name}: ` : ''}${config.estimator} advantages, ${config.loss_type} loss, seed ${config.seed}, ` +
        `${metrics.filter(({ step }) => step > 0).length} of ${config.max_steps} steps`,
    )
    .join(' · ')

/** The whole page for one run, or for several that are compared. */
export const page = async (runs: ReadonlyArray<Run>): Promise<string> => {
  const prepared = await Promise.all(runs.map(prepare))
  const single = prepared.length === 1 ? prepared[0]! : null
  const sections: ReadonlyArray<Section> = [
    {
      id: 'result',
      title: 'Result',
      says:
        single === null ? 'How the runs ended.' : 'What the policy could do before training, and what it can do now.',
      body: grid(
        single === null
          ? [comparisonTable(runs)]
          : [
              resultTable(single.run),
              familyFigure(single.run, single.run.coldStart.length < 2 ? 'wide' : 'half'),
              coldStartFigure(single.run),
            ],
      ),
    },
    {
      id: 'learning',
      title: 'Learning',
      says: 'Accuracy without chance on held-out rows, and reward of the sampled rollouts that training sees.',
      body: grid([accuracyFigure(runs), rewardFigure(runs)]),
    },
    {
      id: 'health',
      title: 'Health',
      says: 'The figures to look at when a run does not learn. docs/metrics.md has formula and healthy range of each.',
      body: grid([...healthFigures(runs), timingFigure(runs)]),
    },
    ...(single === null
      ? [
          {
            id: 'groups',
            title: 'Groups',
            says: 'Only prompts whose rollouts differ in reward teach anything.',
            body: grid([zeroVarianceFigure(runs), lopsidedFigure(runs)]),
          },
        ]
      : detail(single, '')),
  ].filter(({ body }) => body !== null)
  const settings: Section = {
    id: 'settings',
    title: 'Settings and machine',
    says: 'Everything that is needed to repeat this.',
    body: grid([settingsTable(runs), environmentTable(runs)]),
  }
  const all = [...sections, settings]
  const title = runs.length === 1 ? runs[0]!.name : `${runs.length} runs compared`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – Durian report</title>
        <style>
          ${raw(style)}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p class="sub">${subtitle(runs)}</p>
          <nav>${all.map(({ id, title: name }) => html`<a href="#${id}">${name}</a>`)}</nav>
          ${single === null ? null : tiles(single.run)} ${sections.map(sectionOf)}
          ${
            single === null
              ? prepared.map(
                  (one, i) =>
                    html`<details class="run">
                      <summary>${one.run.name}: groups, estimators, difficulty, rollouts</summary>
                      ${tiles(one.run)} ${grid([resultTable(one.run), familyFigure(one.run, 'wide')])}
                      ${detail(one, `run${i}-`)
                        .filter(({ body }) => body !== null)
                        .map(sectionOf)}
                    </details>`,
                )
              : null
          }
          ${sectionOf(settings)}
          <footer>
            Every number on this page was computed from the files of the run folder${runs.length > 1 ? 's' : ''}. Logs
            are natural; entropies and log-probs are in nats.
          </footer>
        </main>
      </body>
    </html>`.text
}
