import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf, SetupFault } from './fault.ts'
import { withoutCredentials } from './packageIndex.ts'

export interface DownloadOptions {
  readonly url: string
  /** The file, complete and verified once the promise resolves; bytes so far wait in `<to>.part`. */
  readonly to: string
  /** Lower-case hexadecimal. */
  readonly sha256: string | null
  readonly onBytes?: (done: number, total: number | null) => void
  /** How often a broken connection is taken up again; default 5. */
  readonly retries?: number
  /** Milliseconds before the first retry, doubled each time; default 1000. */
  readonly pauseMs?: number
}

export const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}

export const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** A server's answer that another try would not change. */
class Refusal extends SetupFault {}

/** First byte of a partial answer's range; null where the header says nothing. */
export const rangeStart = (header: string | null): number | null => {
  const start = /^bytes\s+(\d+)-/.exec(header ?? '')?.[1]
  return start === undefined ? null : Number(start)
}

const fetchRest = async ({ url: address, to, onBytes }: DownloadOptions): Promise<void> => {
  const part = `${to}.part`
  const have = await sizeOf(part)
  const { url, headers } = withoutCredentials(address)
  const answer = await fetch(url, { headers: { ...headers, ...(have > 0 ? { range: `bytes=${have}-` } : {}) } })
  // 416: nothing is left behind what we have; the checksum decides
  if (answer.status === 416) return void (await answer.body?.cancel())
  if (!answer.ok || answer.body === null) {
    const text = `${new URL(url).host} refuses ${basename(to)} (HTTP ${answer.status}).`
    throw answer.status >= 500 || answer.status === 429 ? new Error(text) : new Refusal(text)
  }
  // a server without ranges sends everything anew
  const start = answer.status === 206 ? (rangeStart(answer.headers.get('content-range')) ?? have) : 0
  if (start !== 0 && start !== have) throw new Error(`${new URL(url).host} sent bytes from ${start}, not from ${have}`)
  const length = answer.headers.get('content-length')
  const total = length === null ? null : start + Number(length)
  let done = start
  const counted = new Transform({
    transform: (chunk: Buffer, _, next) => {
      done += chunk.length
      onBytes?.(done, total)
      next(null, chunk)
    },
  })
  await pipeline(Readable.fromWeb(answer.body), counted, createWriteStream(part, { flags: start === 0 ? 'w' : 'a' }))
  if (total !== null && done < total) throw new Error(`the connection ended after ${done} of ${total} bytes`)
}

/** Fetch a file, going on where an earlier try stopped, and verify its checksum. A file that is there and right is kept. */
export const download = async (options: DownloadOptions): Promise<void> => {
  const { to, sha256, url, retries = 5, pauseMs = 1000 } = options
  if ((await sizeOf(to)) > 0 && (sha256 === null || (await sha256Of(to)) === sha256)) return
  await mkdir(dirname(to), { recursive: true })
  for (let attempt = 0; ; attempt++) {
    try {
      await fetchRest(options)
      break
    } catch (thrown) {
      if (thrown instanceof Refusal) throw thrown
      const code = (thrown as { readonly code?: unknown }).code
      if (code === 'ENOSPC')
        throw new SetupFault(`No space left on the disk of ${dirname(to)}; free some and run the same command again.`)
      if (attempt >= retries)
        throw new SetupFault(
          `${basename(to)} does not come from ${new URL(url).host} (${reasonOf(thrown)}); run the same command again, it goes on where this one stopped.`,
        )
      await sleep(pauseMs * 2 ** attempt)
    }
  }
  const found = await sha256Of(`${to}.part`)
  if (sha256 !== null && found !== sha256) {
    await rm(`${to}.part`, { force: true })
    throw new SetupFault(
      `${basename(to)} arrived damaged: its sha256 is ${found} and the package index says ${sha256}; it was deleted, run the same command again.`,
    )
  }
  await rename(`${to}.part`, to)
}
