// What is done with the portal once it is built, and what is asked of it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** What the first page may weigh, compressed by gzip: a second on a slow line of mobile telephones. */
export const firstPageLimit = 250_000

const compressible = /\.(js|css|svg|html|json)$/
/** Below it the answer's head is as long as what is saved. */
const leastBytes = 1_024
/** The best of brotli takes ten seconds for what this does in half a one, and is a tenth smaller. */
const quality = { [constants.BROTLI_PARAM_QUALITY]: 6 }

/**
 * Puts the compressed forms of its files beside them, for the server to send as they are.
 * @param {string} dist
 */
export function compressOutput(dist) {
  const assets = join(dist, 'assets')
  for (const name of readdirSync(assets)) {
    const file = join(assets, name)
    const bytes = readFileSync(file)
    if (!compressible.test(name) || bytes.length < leastBytes) continue
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: quality }))
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
  }
}

/**
 * What a browser loads before it shows the first page: the page itself and the scripts and styles that it names.
 * @param {string} dist
 * @returns {readonly { readonly name: string; readonly bytes: number }[]} compressed by gzip, the heaviest first
 */
export function firstPage(dist) {
  const page = readFileSync(join(dist, 'index.html'))
  const names = [...page.toString('utf8').matchAll(/"\.\/(assets\/[^"]+)"/g)].map(([, name]) => name ?? '')
  const files = names.map((name) => ({ name, content: readFileSync(join(dist, name)) }))
  return [{ name: 'index.html', content: page }, ...files]
    .map(({ name, content }) => ({ name, bytes: gzipSync(content, { level: 9 }).length }))
    .sort((a, b) => b.bytes - a.bytes)
}
