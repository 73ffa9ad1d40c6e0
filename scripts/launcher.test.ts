import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { root } from './install.mjs'

// The launcher beside a stand-in for the program: what is started is not the question here, but how.
let tree: string
const children: ChildProcess[] = []

const standIn = `
const [first] = process.argv.slice(2)
const say = (what: unknown): boolean => process.stdout.write(JSON.stringify(what) + '\\n')
if (first === 'exit') process.exit(7)
else if (first === 'wait') {
  process.on('SIGTERM', () => { say('stopped'); process.exit(3) })
  setInterval(() => undefined, 1000)
  say(process.pid)
} else say({ args: process.argv.slice(2), cwd: process.cwd(), isNew: Number(process.versions.node.split('.')[0]) >= 24, leaked: process.env['FARWATCH_LAUNCHER'] })
`

beforeEach(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'farwatch-launcher-')))
  cpSync(join(root, 'bin'), join(tree, 'bin'), { recursive: true })
  mkdirSync(join(tree, 'src', 'cli'), { recursive: true })
  writeFileSync(join(tree, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(tree, 'src', 'cli', 'main.ts'), standIn)
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  // Makes the Node that runs the launcher believe that it is an old one.
  writeFileSync(
    join(tree, 'old.cjs'),
    "if (process.argv[1]?.includes('farwatch')) { Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } }); process.execve = undefined }",
  )
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(tree, { recursive: true, force: true })
})

const nodes = { 'a new enough Node': [], 'an old Node': ['--require', './old.cjs'] } as const

function start(node: keyof typeof nodes, args: readonly string[], from = join(tree, 'bin', 'farwatch')): ChildProcess {
  const options = nodes[node].map((option) => (option.startsWith('.') ? join(tree, option) : option))
  const child = spawn(process.execPath, [...options, from, ...args], {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function firstLine(child: ChildProcess): Promise<unknown> {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line)
  throw new Error('it said nothing')
}

const ended = async (child: ChildProcess): Promise<unknown> =>
  (await once(child, 'close')).map((value) => value as unknown)

test.each(Object.keys(nodes) as (keyof typeof nodes)[])(
  'under %s the program runs with its arguments, where it was called',
  async (node) => {
    mkdirSync(join(tree, 'elsewhere'))
    symlinkSync(join(tree, 'bin', 'farwatch'), join(tree, 'elsewhere', 'farwatch'))
    const child = start(node, ['apply', '-f', 'a b.yaml'], join(tree, 'elsewhere', 'farwatch'))
    let errors = ''
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    const [said, end] = await Promise.all([firstLine(child), ended(child)])
    expect({ said, end, errors }).toEqual({
      said: { args: ['apply', '-f', 'a b.yaml'], cwd: realpathSync(tmpdir()), isNew: true },
      end: [0, null],
      errors: '',
    })
  },
)

test.each(Object.keys(nodes) as (keyof typeof nodes)[])(
  'under %s exit codes and signals pass through',
  async (node) => {
    expect(await ended(start(node, ['exit']))).toEqual([7, null])
    const waiting = start(node, ['wait'])
    await firstLine(waiting)
    waiting.kill('SIGTERM')
    expect(await ended(waiting)).toEqual([3, null])
  },
)

test('a launcher that is killed takes the program with it', async () => {
  const launcher = start('an old Node', ['wait'])
  const pid = Number(await firstLine(launcher))
  // The output closes when the last process that holds it has ended, and the program holds it.
  launcher.kill('SIGKILL')
  expect({ end: await ended(launcher), isOther: pid !== launcher.pid }).toEqual({
    end: [null, 'SIGKILL'],
    isOther: true,
  })
})

test('the compiled program is taken where it was built after the last change, and the sources where not', async () => {
  mkdirSync(join(tree, 'dist', 'program'), { recursive: true })
  writeFileSync(join(tree, 'dist', 'program', 'main.js'), 'process.stdout.write(\'"compiled"\\n\')')
  const said: unknown[] = []
  for (const built of [undefined, Date.now() / 1000 - 3600, Date.now() / 1000 + 3600]) {
    if (built !== undefined) {
      writeFileSync(join(tree, 'dist', '.built'), '')
      utimesSync(join(tree, 'dist', '.built'), built, built)
    }
    said.push(await firstLine(start('a new enough Node', [])))
  }
  rmSync(join(tree, 'src'), { recursive: true })
  said.push(await firstLine(start('a new enough Node', [])))
  expect(said.map((one) => (one === 'compiled' ? one : 'sources'))).toEqual([
    'sources',
    'sources',
    'compiled',
    'compiled',
  ])
})

test('without a Node that can run it the launcher says what to do', async () => {
  rmSync(join(tree, 'node_modules'))
  const child = start('an old Node', [])
  let errors = ''
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  expect(await ended(child)).toEqual([1, null])
  expect(errors).toMatch(/^Farwatch needs Node 24\.12 or newer; this is 20\.1\.0, and none came along[^]*npm ci/)
})
