import { mkdir, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Assignment } from '../model/index.ts'
import { openVault, prepareDataDirectory, silentLog, type DataDirectory } from '../platform/index.ts'
import { AgentMemory } from './agent-memory.ts'
import { keptAssignment } from './kept-assignment.ts'

const [a, b, other] = ['https://a.example:8443', 'https://b.example:8443', 'https://other.example:8443']
let directory: DataDirectory
beforeEach(async () => {
  directory = await prepareDataDirectory(await mkdtemp(join(tmpdir(), 'farwatch-memory-')), 0)
})
afterEach(() => rm(directory.path, { recursive: true }))

const open = (...servers: readonly string[]) => AgentMemory.open(directory, silentLog, servers)

/** What an agent of these servers still knows after its restart. */
async function restarted(...servers: readonly string[]) {
  const memory = await open(...servers)
  await memory.stop()
  return { term: memory.read(), wallOffsetMs: memory.wallOffsetMs, urls: memory.urls }
}

async function learned(...servers: readonly string[]): Promise<void> {
  const memory = await open(...servers)
  await memory.raise(7)
  memory.noteOffset(-5_000)
  memory.told.note([a, b])
  await memory.stop()
}

test('what a server said of its pair, the highest term and the time outlive the agent', async () => {
  await learned(a)
  expect([await restarted(a), await restarted(`${b}/`)]).toEqual([
    { term: 7, wallOffsetMs: -5_000, urls: [a, a, b] },
    { term: 7, wallOffsetMs: -5_000, urls: [`${b}/`, a, b] },
  ])
})

test('an agent that is given to another server knows nothing of the one before, whose terms may have been higher', async () => {
  await learned(a)
  const memory = await open(a)
  memory.follow([other])
  const now = memory.read()
  await memory.stop()
  expect([now, await restarted(other)]).toEqual([0, { term: 0, wallOffsetMs: 0, urls: [other] }])
})

test('a term that could not be written is none until it is', async () => {
  const memory = await open(a)
  await memory.raise(3)
  const file = directory.file('servers.json')
  await rm(file)
  // No file can take the place of a directory.
  await mkdir(file)
  const failed = await memory.raise(4).then(
    () => 'written',
    () => 'not written',
  )
  const meanwhile = memory.read()
  await rmdir(file)
  await memory.raise(4)
  const kept = JSON.parse(await readFile(file, 'utf8')) as { term: number }
  await memory.stop()
  expect([failed, meanwhile, memory.read(), kept.term]).toEqual(['not written', 3, 4, 4])
})

test('work that one server of a pair gave is the other’s as well, and nobody else’s', async () => {
  const vault = await openVault(directory, { expectKey: false })
  const assignment: Assignment = {
    version: 'v1',
    connectors: [],
    tasks: [],
    settings: {
      parallelTasks: 1,
      parallelPerTarget: 1,
      processTimeoutMs: 1_000,
      logLevel: 'info',
      logDurationMs: 0,
      leaseMs: 15_000,
    },
  }
  const of = (...urls: readonly string[]) => keptAssignment(directory, vault, silentLog, () => urls)
  await of(a, a, b).write(assignment)
  const read = await Promise.all([of(a).read(), of(`${b}/`).read(), of(other).read()])
  expect(read.map((kept) => kept?.version)).toEqual(['v1', 'v1', undefined])
})
