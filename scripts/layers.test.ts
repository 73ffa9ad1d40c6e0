import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findDuplicates } from './duplicates.ts'
import { root } from './install.mjs'

// A copy of the rules over a tree of small files: the rules are what is tested, and the tree stays clean whatever others are writing.
let copy: string

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'farwatch-layers-'))
  for (const file of ['.oxlintrc.json', 'tsconfig.base.json', 'tsconfig.test.json', 'package.json'])
    cpSync(join(root, file), join(copy, file))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  // All of them: a project that names one that is not there is refused as a whole.
  for (const folder of readdirSync(join(root, 'src'))) {
    write(`src/${folder}/index.ts`, 'export const door = 1\n')
    cpSync(join(root, 'src', folder, 'tsconfig.json'), join(copy, 'src', folder, 'tsconfig.json'))
  }
  write('src/model/private.ts', 'export const hidden = 1\n')
  write('src/sdk/testing.ts', 'export const kit = 1\n')
  write('src/monitors/tcp.port.ts', 'export default 1\n')
  write('src/monitors/formats/perfdata.ts', 'export const parse = 1\n')
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

function write(path: string, content: string): void {
  mkdirSync(dirname(join(copy, path)), { recursive: true })
  writeFileSync(join(copy, path), content)
}

async function output(script: string, ...args: string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, [join(root, script), ...args], { cwd: copy })
  return run.then(
    ({ stdout }) => stdout,
    (thrown: { stdout: string; stderr: string }) => `${thrown.stdout}${thrown.stderr}`,
  )
}

// file → what is written into it → the rule that must refuse it
const violations: readonly (readonly [string, string, string])[] = [
  ['src/agent/a1.ts', "import '../model/private.ts'", 'front-door'],
  ['src/agent/a2.ts', "import '../platform/database/deep/sqlite.ts'", 'front-door'],
  ['src/agent/deep/a3.ts', "import '../../model/private.ts'", 'front-door'],
  ['src/agent/a4.test.ts', "import '../model/private.ts'", 'front-door'],
  ['src/agent/a5.ts', "import '../alarms/index.ts'", 'engines-are-strangers'],
  ['src/failover/a9.ts', "import '../link/index.ts'", 'engines-are-strangers'],
  ['src/failover/a10.test.ts', "import '../link/index.ts'", 'engines-are-strangers'],
  ['src/link/a11.ts', "import '../failover/index.ts'", 'engines-are-strangers'],
  ['src/agent/a6.test.ts', "import '../alarms/index.ts'", 'engines-are-strangers'],
  ['src/agent/a7.ts', "import '../sdk/testing.ts'", 'test-kit-stays-in-tests'],
  ['src/app/a8.ts', "import '../../test/kit.ts'", 'test-kit-stays-in-tests'],
  ['src/monitors/m1.ts', "import '../model/index.ts'", 'authors-see-the-sdk'],
  ['src/monitors/m2.ts', "import 'node:fs'", 'authors-see-the-sdk'],
  ['src/plugins/p1.ts', "import 'fastify'", 'authors-see-the-sdk'],
  ['src/plugins/p2.test.ts', "import '../platform/index.ts'", 'authors-see-the-sdk'],
  ['src/monitors/formats/f1.ts', "import '../tcp.port.ts'", 'authors-see-the-sdk'],
  ['src/monitors/formats/f2.test.ts', "import '../tcp.port.ts'", 'authors-see-the-sdk'],
  ['src/monitors/formats/f3.test.ts', "import '../../model/index.ts'", 'authors-see-the-sdk'],
  ['src/monitors/m3.ts', "import './tcp.port.ts'", 'monitors-are-strangers'],
  ['src/base/cycle-a.ts', "import './cycle-b.ts'", 'no-cycle'],
  ['src/agent/g1.ts', 'setTimeout(() => undefined, 1)', 'Take a Clock'],
  ['src/agent/g2.ts', 'setInterval(() => undefined, 1)', 'Take a Clock'],
  ['src/agent/g3.ts', 'export const at = Date.now()', 'Take a Clock'],
  ['src/agent/g4.ts', 'export const dice = Math.random()', 'Take a Random'],
  ['src/agent/g5.ts', "export const home = process.env['HOME']", 'Take what you need of it as an argument'],
  ['src/agent/g6.ts', "console.log('x')", 'Take a Log'],
  ['src/agent/g7.ts', "export const answer = fetch('x')", 'Take a function that sends'],
  ['src/cli/t1.ts', 'export const f = async () => 1\nf()', 'no-floating-promises'],
  ['src/cli/t1.test.ts', 'export const f = async () => 1\nf()', 'no-floating-promises'],
  ['src/cli/t2.ts', "export const g = () => { throw 'text' }", 'only-throw-error'],
  [
    'src/cli/t3.ts',
    "export const h = (x: 'a' | 'b') => { switch (x) { case 'a': return 1 }\n return 2 }",
    'switch-exhaustiveness-check',
  ],
]

// What the same rules must let pass.
const permitted: readonly (readonly [string, string])[] = [
  ['src/agent/ok1.ts', "import '../model/index.ts'\nimport './ok2.ts'\nimport '../platform/processes/index.ts'"],
  ['src/agent/ok2.ts', "import 'node:fs'"],
  ['src/agent/ok3.test.ts', "import '../sdk/testing.ts'\nsetTimeout(() => undefined, Date.now())"],
  ['src/app/ok4.ts', "import '../agent/index.ts'\nimport '../alarms/index.ts'\nconsole.log(process.pid)"],
  ['src/monitors/ok5.ts', "import '../sdk/index.ts'\nimport './formats/perfdata.ts'"],
  ['src/monitors/ok5.test.ts', "import '../sdk/testing.ts'\nimport './ok5.ts'"],
  ['src/monitors/formats/ok6.ts', "import '../../sdk/index.ts'\nimport './perfdata.ts'"],
  ['src/platform/ok7.ts', 'export const at = Date.now()'],
]

test('every rule refuses its violation, by its name, and nothing else', { timeout: 30_000 }, async () => {
  write('src/base/cycle-b.ts', "import './cycle-a.ts'\n")
  for (const [file, content] of [...violations, ...permitted]) write(file, `${content}\n`)
  const args = ['--type-aware', '--tsconfig', 'tsconfig.test.json', '--format=json', 'src']
  const { diagnostics } = JSON.parse(await output('node_modules/oxlint/bin/oxlint', ...args)) as {
    diagnostics: readonly { filename: string; code: string; message: string; help?: string }[]
  }
  const rulesThatRefused = (file: string): string[] =>
    diagnostics
      .filter(({ filename }) => filename === file)
      .map(({ code, message, help }) => `${code} ${message} ${help ?? ''}`)
  const seen = violations.map(([file, content, rule]) => {
    const found = rulesThatRefused(file)
    return [file, content, found.some((words) => words.includes(rule)) ? rule : `refused by: ${found.join(' ')}`]
  })
  expect(seen).toEqual(violations)
  expect(permitted.flatMap(([file]) => rulesThatRefused(file))).toEqual([])
})

test(
  'the compiler refuses an import against the layers, and the machine in pure code',
  { timeout: 30_000 },
  async () => {
    rmSync(join(copy, 'src/base'), { recursive: true })
    cpSync(join(root, 'src/base/tsconfig.json'), join(copy, 'src/base/tsconfig.json'))
    write('src/base/index.ts', "import { readFileSync } from 'node:fs'\nexport const door = setTimeout(readFileSync)\n")
    write(
      'src/model/index.ts',
      "export { door } from '../base/index.ts'\nexport { door as up } from '../platform/index.ts'\n",
    )
    const tsc = (folder: string): Promise<string> => output('node_modules/typescript/bin/tsc', '-b', `src/${folder}`)
    const codes = (text: string): string[] => [...new Set(text.match(/TS\d+/g))].sort()
    const base = codes(await tsc('base'))
    write('src/base/index.ts', 'export const door = 1\n')
    const model = codes(await tsc('model'))
    expect({ base, model }).toEqual({ base: ['TS2304', 'TS2591'], model: ['TS6307'] })
  },
)

test('what is written twice is found with both places, once for the whole run', () => {
  const run = Array.from({ length: 15 }, (_, i) => `  const value${i} = ${i}`).join('\n')
  write('twice/a.ts', `import { x } from 'y'\n${run}\n`)
  write(
    'twice/b.ts',
    `// Another beginning.\nexport const z = 1\n${run.replaceAll('  ', '\t')}\nexport const end = 1\n`,
  )
  expect(findDuplicates(copy, ['twice/*.ts'])).toEqual([{ lines: 15, places: ['twice/a.ts:2', 'twice/b.ts:3'] }])
})

test('every folder of the program is known to the compiler and to the rules', () => {
  const folders = readdirSync(join(root, 'src'))
  const rules = readFileSync(join(root, '.oxlintrc.json'), 'utf8')
  const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
    references: readonly { path: string }[]
  }
  // The alternatives of the front-door pattern.
  const known = new Set([...rules.matchAll(/\(([a-z]+(?:\|[a-z]+)+)\)\//g)].flatMap(([, names]) => names!.split('|')))
  expect({
    compiler: folders.filter((folder) => !references.some(({ path }) => path === `src/${folder}`)),
    rules: folders.filter((folder) => !known.has(folder)),
  }).toEqual({ compiler: [], rules: [] })
})
