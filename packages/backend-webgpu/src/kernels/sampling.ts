import { truncates, type DrawOptions } from '@durian/core'
import type { KernelBody } from '../registry.ts'
import { type Gpu, withIntegers } from './kernel.ts'
import { eachOf, type Lanes, rowAndLane, together } from './lanes.ts'
import { power, type Program } from './program.ts'

type Choice = 'greedy' | 'among all' | 'truncated'

/** A row of logits is long: a GPU gives it a large workgroup; a processor has as many threads in a workgroup as numbers in a vector. */
const lanesFor = (style: Lanes['style']): Lanes => ({ count: style === 'shared-memory' ? 256 : 1, style })
const threadsOf = ({ count }: Lanes): number => (count === 1 ? 4 : count)

/** Numbers that are added one after another before their sum joins the others': float32's error then grows with V / 128, not with V. */
const BLOCK = 128

/** WGSL: `body` for each of this lane's neighbouring ids, a block at a time; `close` behind each block. */
const eachBlock = (body: string, close: string): string => `
  for (var block = begin; block < end; block += ${BLOCK}u) {
    let blockEnd = min(block + ${BLOCK}u, end);
    var part = 0.0;
    for (var i = block; i < blockEnd; i++) { ${body} }
    ${close}
  }`

/** The first `words` integers are the bits of the ban, the others the uniforms' own bits. */
const rules = `
fn mayBe(id: u32) -> bool { return u.words == 0u || ((u32(given[id >> 5u]) >> (id & 31u)) & 1u) == 0u; }
fn weightOf(z: f32, peak: f32) -> f32 { return power((z - peak) / u.temperature); }`

/** Whole numbers in the order of the floats they come from; both zeros are one. */
const keys = `
fn keyOf(z: f32) -> u32 {
  let bits = bitcast<u32>(z);
  if (bits == 0x80000000u) { return bits; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
fn floatOf(key: u32) -> f32 { return bitcast<f32>(select(~key, key & 0x7fffffffu, (key >> 31u) == 1u)); }`

/** What each lane of a row says, for all of them to read. */
const said = ({ count }: Lanes): string =>
  count === 1
    ? `var<private> said: array<f32, 1>;
fn say(x: f32, lane: u32) { said[0] = x; }`
    : `var<workgroup> said: array<f32, ${count}>;
fn say(x: f32, lane: u32) {
  workgroupBarrier();
  said[lane] = x;
  workgroupBarrier();
}`

/** The largest key for which `holds`, bit by bit; it holds for 0 and for none above the first for which it fails. */
const largestKey = (name: string, holds: (key: string) => string): string => `
    for (var bit = 0x80000000u; bit != 0u; bit = bit >> 1u) {
      let candidate = ${name} | bit;
      ${holds('candidate')}
      ${name} = select(${name}, candidate, holds);
    }`

const massWhere = (name: string, condition: string): string => `
    var ${name}Sum = 0.0;
    ${eachBlock(
      `let z = logits[start + i]; part += select(0.0, weightOf(z, best), mayBe(i) && ${condition});`,
      `${name}Sum += part;`,
    )}
    let ${name} = total(${name}Sum, lane);`

/**
 * `least`: tokens with smaller keys are out; of those that equal it the first `ties` in order of ids are in. Found by halving the interval of
 * all floats 32 times, each with a pass over the row: nothing is sorted and nothing is written.
 */
const thresholds = (lanes: Lanes): string => `
  var least = 0u;
  var ties = f32(u.width);
  if (u.topK > 0u) {${largestKey(
    'least',
    (key) => `var count = 0.0;
      ${eachOf(lanes, 'u.width', `if (mayBe(i) && keyOf(logits[start + i]) >= ${key}) { count += 1.0; }`)}
      let holds = total(count, lane) >= f32(u.topK);`,
  )}
  }
  if (u.topP < 1.0) {
    ${massWhere('likely', 'keyOf(z) >= least')}
    let wanted = u.topP * likely;
    var edge = 0u;${largestKey(
      'edge',
      (key) => `${massWhere('reached', `keyOf(z) >= max(${key}, least)`)}
      let holds = reached >= wanted;`,
    )}
    least = max(edge, least);
    ${massWhere('above', 'keyOf(z) > least')}
    ties = max(1.0, ceil((wanted - above) / weightOf(floatOf(least), best)));
  }
  var rank = 0.0;
  if (u.topP < 1.0) {
    var own = 0.0;
    for (var i = begin; i < end; i++) { if (mayBe(i) && keyOf(logits[start + i]) == least) { own += 1.0; } }
    say(own, lane);
    for (var other = 0u; other < lane; other++) { rank += said[other]; }
  }
  let firstRank = rank;`

/** WGSL: `kept`, whether token `i` with logit `z` may be drawn; to be asked in order of ids, from `firstRank` on. */
const keptIn = (choice: Choice): string =>
  choice === 'truncated'
    ? `let key = keyOf(z);
      let tied = mayBe(i) && key == least;
      let kept = mayBe(i) && (key > least || (tied && rank < ties));
      if (tied) { rank += 1.0; }`
    : 'let kept = mayBe(i);'

/** The first of the largest logits that may be drawn. */
const likeliest = (lanes: Lanes): string => `
  var token = u.width;
  for (var i = begin; i < end; i++) {
    if (token == u.width && mayBe(i) && logits[start + i] == best) { token = i; }
  }
  say(f32(token), lane);
  var first = u.width;
  for (var other = 0u; other < ${lanes.count}u; other++) { first = min(first, u32(said[other])); }
  token = min(first, u.width - 1u);`

/** Where the running sum first exceeds `u` times the mass; rounding can leave the whole sum at it, then the last possible token. */
const inverted = (lanes: Lanes, choice: Choice): string => `
  let goal = bitcast<f32>(given[u.words + row]) * mass;
  var chosen = 0u;
  var base = 0.0;
  var reached = 0.0;
  for (var other = 0u; other < ${lanes.count}u; other++) {
    if (said[other] > 0.0 && reached <= goal) { chosen = other; base = reached; }
    reached += said[other];
  }
  if (lane != chosen) { return; }
  var token = min(begin, u.width - 1u);
  var found = false;
  var before = 0.0;
  ${choice === 'truncated' ? 'rank = firstRank;' : ''}
  ${eachBlock(
    `let z = logits[start + i];
      ${keptIn(choice)}
      let weight = select(0.0, weightOf(z, best), kept);
      part += weight;
      if (weight > 0.0 && !found) { token = i; }
      found = found || base + (before + part) > goal;`,
    `before += part;
    if (found) { break; }`,
  )}`

/**
 * One token of each row. A lane has a stretch of neighbouring ids, so that the cumulative distribution runs through the lanes in order of ids.
 * Weights are relative to the likeliest token that may be drawn: a banned one far above it must not make them all 0.
 */
const draw = (lanes: Lanes, choice: Choice): Program => ({
  name: `DurianDrawTokens ${choice} x${lanes.count}`,
  inputs: { logits: 'f32', given: 'i32' },
  outputs: { drawn: 'f32' },
  numbers: { rows: 'u32', width: 'u32', words: 'u32', temperature: 'f32', topK: 'u32', topP: 'f32' },
  threads: threadsOf(lanes),
  head: () => together(lanes) + power + rules + keys + said(lanes),
  body: () => `${rowAndLane(lanes)}
  let start = row * u.width;
  var most = -u.infinity;
  var best = -u.infinity;
  ${eachOf(lanes, 'u.width', 'let z = logits[start + i]; most = max(most, z); if (mayBe(i)) { best = max(best, z); }')}
  most = highest(most, lane);
  best = highest(best, lane);
  let stretch = (u.width + ${lanes.count - 1}u) / ${lanes.count}u;
  let begin = min(lane * stretch, u.width);
  let end = min(begin + stretch, u.width);
  ${choice === 'truncated' ? thresholds(lanes) : ''}
  var inside = 0.0;
  var outside = 0.0;
  var left = 0.0;
  ${eachBlock(
    `let z = logits[start + i];
      ${keptIn(choice)}
      let weight = weightOf(z, select(most, best, kept));
      part += select(0.0, weight, kept);
      left += select(weight, 0.0, kept);`,
    'inside += part;\n    outside += left;\n    left = 0.0;',
  )}
  let out = total(outside, lane);
  say(inside, lane);
  var mass = 0.0;
  for (var other = 0u; other < ${lanes.count}u; other++) { mass += said[other]; }
  let all = mass * weightOf(best, most) + out;
  ${choice === 'greedy' ? likeliest(lanes) : inverted(lanes, choice)}
  ${choice === 'greedy' ? 'if (lane != 0u) { return; }' : ''}
  drawn[row] = f32(token);
  drawn[u.rows + row] = (logits[start + token] - most) / u.temperature - logarithm(all);
  drawn[2u * u.rows + row] = out / all;`,
})

/** Logits [N, V] -> token ids, log-probs and excluded masses, [3, N]. */
export const drawTokens = ({ launch, style, backend }: Gpu): KernelBody => {
  const lanes = lanesFor(style)
  return ({ inputs, attrs }) => {
    const logits = inputs['logits']!
    const { given, options } = attrs as { readonly given: Int32Array; readonly options: DrawOptions }
    const [rows, width] = logits.shape as [number, number]
    const greedy = options.temperature === 0
    const choice = greedy ? 'greedy' : truncates(options) ? 'truncated' : 'among all'
    return withIntegers(backend, given, (integers) => {
      const [drawn] = launch(draw(lanes, choice), {
        inputs: [logits, integers],
        outputs: [[3, rows]],
        numbers: {
          rows,
          width,
          words: given.length - rows,
          temperature: greedy ? 1 : options.temperature,
          // as many as may be drawn, or more: all
          topK: options.topK < width - options.banned.size ? options.topK : 0,
          topP: options.topP,
        },
        groups: lanes.count === 1 ? Math.ceil(rows / threadsOf(lanes)) : rows,
      })
      return drawn!
    })
  }
}
