import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'

/** Where Debian, Ubuntu and Google put it. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** { path } of Chromium, or { missing: why }; where DURIAN_REQUIRE_CHROMIUM is set, throws instead of the latter. */
export const findChromium = (env = process.env, among = places) => {
  const path = [env.CHROMIUM_PATH, ...among].find((candidate) => candidate && existsSync(candidate))
  if (path !== undefined) return { path }
  const missing = 'no Chromium; CHROMIUM_PATH names one'
  if (env.DURIAN_REQUIRE_CHROMIUM) throw new Error(missing)
  return { missing }
}

const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' }

/** A server of a folder's pages and scripts on 127.0.0.1; a folder without index.html answers `/` with an empty page. */
export const served = (directory) =>
  new Promise((ready) => {
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url, 'http://x')
      const file = join(directory, decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname))
      const type = types[extname(file)]
      if (!file.startsWith(directory) || type === undefined) return response.writeHead(404).end()
      if (existsSync(file)) return response.writeHead(200, { 'content-type': type }).end(readFileSync(file))
      if (pathname !== '/') return response.writeHead(404).end()
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>test</title>')
    })
    server.listen(0, '127.0.0.1', () => ready(server))
  })

/** WebGPU in a browser without a window or a graphics card: without the first flag `requestAdapter()` gives null. */
const flags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

/**
 * Open a served folder in Chromium with WebGPU on SwiftShader, use the page, close everything. `use` gets playwright's page and the errors
 * that nothing in the page caught.
 */
export const inChromium = async ({ path, directory }, use) => {
  const { chromium } = await import('playwright-core')
  const server = await served(directory)
  try {
    const browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox', ...flags], timeout: 120_000 })
    try {
      const page = await browser.newPage()
      page.setDefaultTimeout(0) // the test's own limit holds
      const errors = []
      page.on('pageerror', (error) => errors.push(error.stack ?? error.message))
      await page.goto(`http://127.0.0.1:${server.address().port}/`)
      return await use(page, errors)
    } finally {
      await browser.close()
    }
  } finally {
    server.close()
  }
}
