import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** For tests: a Hub on this machine with one model. */
export interface TestHub {
  readonly endpoint: string
  /** Method, path and range of every request, in order. */
  readonly requests: ReadonlyArray<string>
  readonly authorizations: ReadonlySet<string | undefined>
  readonly close: () => Promise<void>
}

export interface TestHubOptions {
  readonly name: string
  readonly commit: string
  readonly files: Readonly<Record<string, Uint8Array>>
  /** Bytes after which a connection is cut, once for each time it is called; undefined: not cut. */
  readonly cutAfter?: (path: string) => number | undefined
  /** Status of every answer instead of the right one. */
  readonly status?: number
  /** What is sent instead of a file's bytes. */
  readonly damaged?: (path: string, bytes: Uint8Array) => Uint8Array
}

/** As git names a small file, and as LFS names a large one. */
export const etagOf = (bytes: Uint8Array, large: boolean): string =>
  large
    ? createHash('sha256').update(bytes).digest('hex')
    : createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

export const isLarge = (path: string): boolean => path.endsWith('.safetensors')

/** Answers the three questions that a download asks: which commit, which files, which bytes. */
export const testHub = async (options: TestHubOptions): Promise<TestHub> => {
  const { name, commit, files, cutAfter, status, damaged = (_, bytes) => bytes } = options
  const requests: string[] = []
  const authorizations = new Set<string | undefined>()
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://hub')
    requests.push(`${request.method} ${url.pathname} ${request.headers.range ?? ''}`.trim())
    authorizations.add(request.headers.authorization)
    const json = (body: unknown): void =>
      void response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body))
    if (status !== undefined) return void response.writeHead(status).end()
    if (url.pathname === `/api/models/${name}/revision/main`) return json({ _id: '1', id: name, sha: commit })
    if (url.pathname === `/api/models/${name}/tree/${commit}`)
      return json(
        Object.entries(files).map(([path, bytes]) => ({
          type: 'file',
          path,
          size: bytes.length,
          oid: etagOf(bytes, false),
          ...(isLarge(path) ? { lfs: { oid: etagOf(bytes, true), size: bytes.length, pointerSize: 130 } } : {}),
        })),
      )
    const prefix = `/${name}/resolve/${commit}/`
    const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : ''
    const file = files[path]
    if (file === undefined) return void response.writeHead(404, { 'X-Error-Code': 'EntryNotFound' }).end()
    const bytes = damaged(path, file)
    const [, from = '0', to = `${bytes.length - 1}`] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const part = bytes.subarray(Number(from), Number(to) + 1)
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      ETag: `"${etagOf(file, isLarge(path))}"`,
      'Content-Length': part.length,
      'Content-Range': `bytes ${from}-${to}/${bytes.length}`,
    })
    const cut = part.length > 1 ? cutAfter?.(path) : undefined
    if (cut === undefined) response.end(part)
    else response.write(part.subarray(0, cut), () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    authorizations,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
