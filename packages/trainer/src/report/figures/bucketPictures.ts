import type { CompletionRecord } from '../../run/records.ts'
import { figure } from '../figure.ts'
import { html, type Html } from '../html.ts'
import { bucketKeys } from '../palette.ts'
import { picture, type Pictures } from '../pictures.ts'
import { spread } from './groups.ts'

const PER_BUCKET = 8

/** Prompts of the last logged step by perceptual bucket, ordered by entropy, at most eight of each spread over it. */
export const bucketExamples = (
  records: ReadonlyArray<CompletionRecord>,
): ReadonlyArray<ReadonlyArray<CompletionRecord>> => {
  const last = records.at(-1)?.step
  const shown = records
    .filter((record) => record.step === last && record.images.length > 0 && record.visual_entropy !== null)
    .toSorted((a, b) => a.visual_entropy! - b.visual_entropy!)
  return bucketKeys.map((_, bucket) =>
    spread(
      shown.filter((record) => record.perceptual_bucket === bucket),
      PER_BUCKET,
    ),
  )
}

/** Pictures of low, middle and high visual entropy. */
export const bucketPictures = (
  examples: ReadonlyArray<ReadonlyArray<CompletionRecord>>,
  pictures: Pictures,
): Html | null => {
  if (examples.every((bucket) => bucket.length === 0)) return null
  return figure({
    title: 'What low and high visual entropy look like',
    says: 'Pictures of the last logged step with their visual entropy in nats, from low (left) to high (right); each row is one bucket.',
    body: examples.map(
      (bucket, b) =>
        html`<div class="bucket">
          <h4><i style="background:${bucketKeys[b]!.colour}"></i>${bucketKeys[b]!.label}</h4>
          <div class="pictures">
            ${bucket.map(
              (record) =>
                html`<span class="thumb"
                  >${picture(pictures, record.images[0]!, record.problem)}<b
                    >${record.visual_entropy!.toFixed(2)}</b
                  ></span
                >`,
            )}
            ${bucket.length === 0 ? html`<span class="gone">none in this step</span>` : null}
          </div>
        </div>`,
    ),
  })
}
