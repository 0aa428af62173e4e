/** What is kept of Stryker's report (mutation-testing-report-schema): counts a file, and every mutant that no test noticed. */

const folderOf = (file) => file.replace(/^src\//, '')

const textAt = (source, { start, end }) => {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1)
  lines[0] = lines[0].slice(start.column - 1)
  return lines.join('\n')
}

const oneLine = (text, limit = 100) => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > limit ? `${line.slice(0, limit - 2)} …` : line
}

/** The source with one mutant in the place of the original. */
export const mutated = (source, { location: { start, end }, replacement }) => {
  const lines = source.split('\n')
  const before = [...lines.slice(0, start.line - 1), lines[start.line - 1].slice(0, start.column - 1)].join('\n')
  const after = [lines[end.line - 1].slice(end.column - 1), ...lines.slice(end.line)].join('\n')
  return `${before}${replacement}${after}`
}

/** The mutant of an older source in the one of today; `Gone` where its lines have changed. */
export const inSource = (mutant, source) => {
  const { start, end } = mutant.location
  const own = mutant.source.split('\n').slice(start.line - 1, end.line)
  const lines = source.split('\n')
  const places = lines.flatMap((_, i) => (own.every((line, k) => lines[i + k] === line) ? [i + 1] : []))
  if (places.length === 0) return { ...mutant, status: 'Gone' }
  const nearest = places.reduce((a, b) => (Math.abs(b - start.line) < Math.abs(a - start.line) ? b : a))
  const shift = nearest - start.line
  const moved = (place) => ({ ...place, line: place.line + shift })
  return { ...mutant, source, location: { start: moved(start), end: moved(end) } }
}

/** All mutants of a report, with their file and its source. */
export const mutantsOf = ({ files }) =>
  Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants.map((mutant) => ({ ...mutant, file, source, atLoad: false, again: false })),
  )

/** Whether no test noticed a mutant. */
export const isAlive = ({ status }) => status === 'Survived' || status === 'NoCoverage'

/** What names a survivor from run to run: lines move, words stay. */
const keyOf = ({ file, original, replacement, context }) => [file, original, replacement, context].join('\u0000')

/** Counts of mutants by what became of them; `score` is the share that was noticed, a time-out included. */
export const countsOf = (mutants) => {
  const count = (status) => mutants.filter((mutant) => mutant.status === status).length
  const [killed, timedOut, survived, notCovered] = ['Killed', 'Timeout', 'Survived', 'NoCoverage'].map(count)
  const [atLoad, again] = ['atLoad', 'again'].map((mark) => mutants.filter((mutant) => mutant[mark]).length)
  const total = killed + timedOut + survived + notCovered
  return {
    total,
    killed,
    killedAtLoad: atLoad,
    killedAgain: again,
    gone: count('Gone'),
    timedOut,
    survived,
    notCovered,
    score: (killed + timedOut) / total,
  }
}

/** A suite's entry of docs/results/mutation.json; reasons of survivors known from before are kept. */
export const summaryOf = (mutants, known = []) => {
  const reasons = new Map(known.map((survivor) => [keyOf(survivor), survivor.reason]))
  const files = [...new Set(mutants.map(({ file }) => file))].sort()
  const survivors = mutants.filter(isAlive).map(({ file, source, location, replacement, mutatorName, status }) => {
    const survivor = {
      file: folderOf(file),
      line: location.start.line,
      mutator: mutatorName,
      original: oneLine(textAt(source, location)),
      replacement: oneLine(replacement ?? ''),
      context: oneLine(source.split('\n')[location.start.line - 1], 160),
      covered: status === 'Survived',
    }
    return { ...survivor, reason: reasons.get(keyOf(survivor)) ?? '' }
  })
  return {
    ...countsOf(mutants),
    files: Object.fromEntries(
      files.map((file) => [folderOf(file), countsOf(mutants.filter((mutant) => mutant.file === file))]),
    ),
    survivors: survivors.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line),
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`
const code = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``).replaceAll('|', '\\|')

const countRow = (name, { total, killed, timedOut, survived, notCovered, score }) =>
  `| ${[name, total, killed, timedOut, survived, notCovered, percent(score)].join(' | ')} |`

const sumOf = (all) => {
  const add = (key) => all.reduce((total, one) => total + one[key], 0)
  const [total, killed, timedOut, survived, notCovered] = ['total', 'killed', 'timedOut', 'survived', 'notCovered'].map(
    add,
  )
  return { total, killed, timedOut, survived, notCovered, score: (killed + timedOut) / total }
}

/** Counts by folder of core: `num/…` together. */
export const folderSums = (suites) => {
  const folders = [...new Set(Object.keys(suites).map((name) => name.split('/')[0]))]
  const within = (folder) =>
    Object.entries(suites).flatMap(([name, suite]) => (name.split('/')[0] === folder ? [suite] : []))
  return Object.fromEntries(folders.map((folder) => [folder, sumOf(within(folder))]))
}

/** docs/mutation.md of docs/results/mutation.json. */
export const mutationPage = ({ suites, tools }) => {
  const entries = Object.entries(suites)
  return [
    '# Mutation check of core',
    '',
    'What happens when a line of the mathematics is wrong? Stryker changes one operator, constant, condition or statement of',
    '`packages/core/src/{num,durian,loss}` at a time and runs the tests that reach it. A mutant is *killed* when a test fails, *timed out*',
    'when it makes a loop endless, and has *survived* when nobody noticed. Started by hand:',
    '',
    '```',
    'npm run mutation                 all suites, into docs/results/mutation.json and this page',
    'npm run mutation -- durian loss  some of them',
    'npm run mutation -- --fresh      without what is known of unchanged code from the run before',
    'npm run mutation -- --again loss only the survivors of its last run, under the tests of today',
    '```',
    '',
    'It works in a clone of the last commit. Both files are written by it, but for the reasons: those are typed into the JSON, beside the',
    'survivor, and stay until its line changes. It fails below 90 %, and when a survivor has no reason.',
    '',
    '| suite | mutants | killed | timed out | survived | not covered | noticed |',
    '|---|---|---|---|---|---|---|',
    ...entries.map(([name, suite]) => countRow(`\`${name}\``, suite)),
    ...Object.entries(folderSums(suites)).map(([name, sum]) => countRow(`all of \`${name}\``, sum)),
    '',
    ...entries.map(([name, { commit, date, minutes, timedOut, killedAtLoad, again, killedAgain, gone, note }]) => {
      const load =
        killedAtLoad > 0
          ? `; ${killedAtLoad} of the killed ones stop a file of tests from loading, which Stryker takes for survival: each was tried again in the file itself`
          : ''
      const later =
        again === null
          ? ''
          : `; its survivors were tried again at ${again}: ${killedAgain} were noticed, ${gone} stood on lines that are gone and do not count`
      return `- \`${name}\`: commit ${commit}, ${date}, ${minutes} min${timedOut > 0 ? `, ${timedOut} timed out` : ''}${load}${later}${note === undefined ? '' : `. ${note}`}`
    }),
    '',
    `Stryker ${tools.stryker}, Vitest ${tools.vitest}, Node ${tools.node}. A mutant may take 3 s and twice the time its tests took unmutated; tests of`,
    'other folders and packages, which reach these lines too, are not run. The kernels are compiled once a process, so every mutant of `num/simd` runs all',
    'tests of its folder.',
    '',
    '## Survivors',
    '',
    '| where | line | instead of | stands | why nobody notices |',
    '|---|---|---|---|---|',
    ...entries.flatMap(([, { survivors }]) =>
      survivors.map(
        ({ file, line, original, replacement, reason }) =>
          `| ${file} | ${line} | ${code(original)} | ${code(replacement)} | ${reason} |`,
      ),
    ),
    '',
  ].join('\n')
}
