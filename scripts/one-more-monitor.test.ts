import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './install.mjs'

// A copy of the program, in which somebody adds a monitor.
let copy: string
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'farwatch-newcomer-'))
  for (const folder of ['src', 'scripts', 'docs', 'bin'])
    cpSync(join(root, folder), join(copy, folder), { recursive: true })
  cpSync(join(root, 'web', 'src', 'made-of.ts'), join(copy, 'web', 'src', 'made-of.ts'), { recursive: true })
  for (const file of ['package.json', 'package-lock.json', '.oxfmtrc.json']) cpSync(join(root, file), join(copy, file))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

const monitor = `import { defineMonitor } from '../sdk/index.ts'

/** How long the way to a port takes. */
export default defineMonitor({
  id: 'newcomer.port',
  title: 'Newcomer',
  summary: 'What somebody added a minute ago.',
  connector: 'tcp',
  settings: {},
  metrics: { took: { title: 'Time to connect', unit: 'ms' } },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  thresholdsFrom: 'Our own judgement.',
  tryIt: 'farwatch check newcomer.port --set host=localhost --set port=1',
  rules: [{ name: 'no way', metric: 'failed', thresholds: { CRITICAL: '> 0' } }],
  async collect(_, { client, signal }) {
    return { metrics: { took: (await client.connect(signal)).connect } }
  },
})
`

test('one file more is a monitor more: in the library, in the default profile of its type, with a page of its own', async () => {
  writeFileSync(join(copy, 'src', 'monitors', 'newcomer.port.ts'), monitor)
  await promisify(execFile)(process.execPath, ['scripts/generate.ts'], { cwd: copy })
  const written = (path: string) => readFileSync(join(copy, path), 'utf8')
  expect([
    written('src/monitors/index.ts').includes("import newcomerPort from './newcomer.port.ts'"),
    /Default profile: `tcp-default` with (.*)\./.exec(written('docs/connectors.md'))?.[1],
    written('docs/monitors/newcomer.port.md').split('\n')[1],
  ]).toEqual([
    true,
    '[newcomer.port](monitors/newcomer.port.md), [tcp.port](monitors/tcp.port.md)',
    '# newcomer.port: Newcomer',
  ])
}, 120_000)
