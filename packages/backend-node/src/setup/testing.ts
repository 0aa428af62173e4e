import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateRawSync } from 'node:zlib'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Buffer | string
  /** Break the connection after that many bytes. */
  readonly breakAfter?: number
}

/** Run `use` against a server on this machine. */
export const serving = async <A>(
  answer: (request: IncomingMessage) => Answer,
  use: (address: string) => Promise<A>,
): Promise<A> => {
  const server = createServer((request, response) => {
    const { status, headers, body, breakAfter } = answer(request)
    const bytes = Buffer.from(body)
    response.writeHead(status, { 'content-length': String(bytes.length), ...headers })
    if (breakAfter === undefined) response.end(bytes)
    else response.write(bytes.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 20))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
}

/** A zip archive: deflated, or stored where the name ends in `.txt`. */
export const makeZip = (members: Readonly<Record<string, string>>): Buffer => {
  const [locals, entries]: [Buffer[], Buffer[]] = [[], []]
  let at = 0
  for (const [name, text] of Object.entries(members)) {
    const [bytes, label] = [Buffer.from(text), Buffer.from(name)]
    const stored = name.endsWith('.txt')
    const data = stored ? bytes : deflateRawSync(bytes)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(stored ? 0 : 8, 4)
    // bytes 10 to 13, the checksum, stay 0: the whole archive has its sha256
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(label.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, label, data])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(at, 10)
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), common, tail, label]))
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(entries.length, 4)
  end.writeUInt16LE(entries.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end])
}
