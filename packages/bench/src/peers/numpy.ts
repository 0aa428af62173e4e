import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * What the Python process does: keeps named matrices, and times NumPy on them with its own clock, so that no message
 * between the processes is in the time. One BLAS thread, as we have one.
 */
const program = `
import json, sys, time
import numpy as np
kept = {}
def entropy(f):
    f = f - f.mean(axis=0)
    c = (f @ f.T if f.shape[0] <= f.shape[1] else f.T @ f) / (f.shape[0] - 1)
    w = np.linalg.eigvalsh(c).clip(0)
    p = w / w.sum()
    p = p[p > 0]
    return -float((p * np.log(p)).sum())
work = {
    'entropy': lambda f: entropy(f),
    'eigenvalues': lambda c: float(np.linalg.eigvalsh(c).sum()),
}
def blas():
    try:
        found = np.show_config(mode='dicts')['Build Dependencies']['blas']
        return found['name'] + ' ' + found['version']
    except Exception:
        return 'unknown'
print(json.dumps({'numpy': np.__version__, 'blas': blas() + ', 1 thread', 'python': sys.version.split()[0]}), flush=True)
for line in sys.stdin:
    ask = json.loads(line)
    if ask['do'] == 'keep':
        kept[ask['name']] = np.fromfile(ask['file'], dtype='<f8').reshape(ask['rows'], ask['cols'])
        answer = {}
    else:
        began = time.perf_counter()
        value = work[ask['do']](kept[ask['name']])
        answer = {'ms': (time.perf_counter() - began) * 1000, 'value': value}
    print(json.dumps(answer), flush=True)
`

export interface NumPyAnswer {
  readonly ms: number
  /** The entropy, or the sum of the eigenvalues: both sides must have computed the same. */
  readonly value: number
}

export interface NumPy {
  readonly versions: Readonly<Record<string, string>>
  /** Read a row-major float64 matrix from a file and keep it. */
  readonly keep: (matrix: {
    readonly name: string
    readonly file: string
    readonly rows: number
    readonly cols: number
  }) => Promise<void>
  readonly time: (work: 'entropy' | 'eigenvalues', name: string) => Promise<NumPyAnswer>
  readonly close: () => void
}

const threads = ['OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS']

/** A Python with NumPy: `DURIAN_PYTHON`, else `python3`. `null` when there is none. */
export const openNumPy = async (python = process.env['DURIAN_PYTHON'] ?? 'python3'): Promise<NumPy | null> => {
  const child = spawn(python, ['-c', program], {
    env: { ...process.env, ...Object.fromEntries(threads.map((name) => [name, '1'])) },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise<null>((settle) => {
    child.on('error', () => settle(null))
    child.on('close', () => settle(null))
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const line = await Promise.race([lines.next(), ended])
    return line === null || line.done === true ? null : JSON.parse(line.value)
  }
  const versions = (await next()) as NumPy['versions'] | null
  if (versions === null) return null
  const ask = async (question: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(question)}\n`)
    const answer = await next()
    if (answer === null) throw new Error('the NumPy process ended in the middle of a benchmark')
    return answer
  }
  return {
    versions,
    keep: async (matrix) => void (await ask({ do: 'keep', ...matrix })),
    time: async (work, name) => (await ask({ do: work, name })) as NumPyAnswer,
    close: () => child.stdin.end(),
  }
}
