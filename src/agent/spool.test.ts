import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../base/index.ts'
import type { RunResult, SpoolEntry } from '../model/index.ts'
import { systemClock, systemDisk } from '../platform/index.ts'
import type { AgentEvent } from './events.ts'
import { Spool, type SpoolOptions } from './spool.ts'
import { diskThatSyncs } from './testing.ts'

let directory = ''
let open: Spool[] = []
let events: AgentEvent[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farwatch-spool-'))
  events = []
})

afterEach(async () => {
  for (const spool of open) await spool.close()
  open = []
  await rm(directory, { recursive: true })
})

async function openSpool(options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await Spool.open({
    disk: systemDisk,
    newId: () => randomUUID(),
    directory,
    maxBytes: 64 * 1_048_576,
    maxAgeMs: 86_400_000,
    clock: systemClock,
    tell: (event) => void events.push(event),
    periodOf: () => 60_000,
    ...options,
  })
  open.push(spool)
  return spool
}

function result(slot: number, message = 'fine'): RunResult {
  return {
    kind: 'run',
    task: 'a',
    slot,
    outcome: 'ran',
    startedAt: slot + 1,
    durationMs: 1.5,
    message,
    samples: [{ name: 'duration', labels: { of: 'ü' }, value: 1 }],
  }
}

const results = (from: number, count: number) => Array.from({ length: count }, (_, i) => result(from + i))

async function all(spool: Spool, position = 0): Promise<SpoolEntry[]> {
  const entries: SpoolEntry[] = []
  for (let slice = await spool.read(position, 700); slice !== undefined; slice = await spool.read(position, 700)) {
    entries.push(...slice.entries)
    position = slice.from + slice.entries.length
  }
  return entries
}

const segments = async () => (await readdir(directory)).filter((name) => name.endsWith('.segment')).sort()

test('what was durable is there again after a restart, under the same positions', async () => {
  const first = await openSpool()
  first.append(results(0, 3_000))
  await first.flush()
  await first.close()
  const second = await openSpool()
  second.append(results(3_000, 10))
  await second.flush()
  expect([second.id, second.end, await all(second)]).toEqual([first.id, 3_010, results(0, 3_010)])
})

test('what the server has is kept until it is safe, and then forgotten', async () => {
  const spool = await openSpool({ maxBytes: 16 * 65_536 })
  for (let i = 0; i < 4; i++) {
    spool.append(results(i * 500, 500))
    await spool.flush()
  }
  const before = (await segments()).length
  await spool.settle(1_900, 0)
  const kept = (await segments()).length
  await spool.settle(1_900, 1_900)
  expect([before, kept, (await segments()).length]).toEqual([before, before, 1])
  expect(spool.acknowledged).toBe(1_900)
})

test('a torn tail is put aside and told, and everything before it stays', async () => {
  const first = await openSpool()
  first.append(results(0, 5))
  await first.flush()
  first.append(results(5, 5))
  await first.flush()
  await first.close()
  const [name] = await segments()
  const file = join(directory, name!)
  await truncate(file, (await readFile(file)).length - 7)
  const second = await openSpool()
  expect(await all(second)).toEqual(results(0, 5))
  expect(second.recovered.damaged).toHaveLength(1)
  expect(events).toEqual([{ event: 'spool damaged', file, message: expect.stringMatching(/bytes cannot be read/) }])
  expect((await readdir(directory)).filter((one) => one.endsWith('.damaged'))).toHaveLength(1)
  // Positions that the server may have seen never mean something else.
  expect([second.id === first.id, second.end > 10]).toEqual([false, true])
})

test('a flipped bit costs its block and no other', async () => {
  const first = await openSpool()
  for (let i = 0; i < 3; i++) {
    first.append(results(i * 5, 5))
    await first.flush()
  }
  await first.close()
  const file = join(directory, (await segments())[0]!)
  const bytes = await readFile(file)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = bytes[middle]! ^ 0x10
  await writeFile(file, bytes)
  const second = await openSpool()
  expect(await all(second)).toEqual([...results(0, 5), ...results(10, 5)])
  expect(second.recovered.damaged).toHaveLength(1)
})

test('a file that is no segment does not stop the agent', async () => {
  await writeFile(join(directory, '0000000000000000.segment'), 'x'.repeat(500))
  await appendFile(join(directory, 'life'), 'nonsense')
  const spool = await openSpool()
  spool.append(results(0, 1))
  await spool.flush()
  expect(await all(spool)).toEqual(results(0, 1))
})

test('a full spool drops its oldest results and leaves gap records for them', async () => {
  const spool = await openSpool({ maxBytes: 300_000 })
  for (let i = 0; i < 20; i++) {
    spool.append(results(i * 100, 100))
    await spool.flush()
  }
  await spool.flush()
  const entries = await all(spool)
  const slots = new Set(entries.flatMap((entry) => (entry.kind === 'run' ? [entry.slot] : [])))
  const gaps = entries.flatMap((entry) => (entry.kind === 'gap' ? [entry] : []))
  const covered = (slot: number) => slots.has(slot) || gaps.some((gap) => gap.from <= slot && slot <= gap.to)
  expect(Array.from({ length: 2_000 }, (_, slot) => slot).filter((slot) => !covered(slot))).toEqual([])
  expect(gaps[0]).toEqual({
    kind: 'gap',
    task: 'a',
    from: 0,
    to: expect.any(Number),
    outcome: 'lost',
    periodMs: 60_000,
    reason: 'lost: the spool is full',
  })
  expect(spool.status().bytes).toBeLessThan(400_000)
  expect(events.some((event) => event.event === 'spool overflowed')).toBe(true)
})

test('a disk that cannot be written is told once; what waits is written when it can be again', async () => {
  const spool = await openSpool()
  await rm(directory, { recursive: true })
  spool.append(results(0, 10))
  await spool.flush()
  spool.append(results(10, 10))
  await spool.flush()
  const during = spool.status()
  await mkdir(directory)
  await spool.flush()
  expect([during.waiting, during.unwritable, await all(spool)]).toEqual([
    20,
    expect.stringContaining('ENOENT'),
    results(0, 20),
  ])
  expect(events.map((event) => event.event)).toEqual(['spool unwritable', 'spool writable'])
})

test('the sign of life stands still while results are in memory only, so that a gap will reach back over them', async () => {
  let at = 1_000_000
  const clock: Clock = {
    now: () => at,
    elapsed: () => systemClock.elapsed(),
    after: (ms, act) => systemClock.after(ms, act),
  }
  const spool = await openSpool({ clock })
  spool.beginLife(() => at)
  // In the place of the segment that would be begun, so that the sign of life itself can still be written.
  const obstacle = join(directory, '0000000000000000.segment')
  await mkdir(obstacle)
  spool.append(results(0, 10))
  await spool.flush()
  at += 3_600_000
  await spool.close()
  await rm(obstacle, { recursive: true })
  expect([spool.status().waiting, (await openSpool({ clock })).recovered.lastAlive]).toEqual([10, 1_000_000])
})

test('a flush ends though results come quicker than the disk writes them', async () => {
  let count = 10
  const spool = await openSpool({
    disk: diskThatSyncs(async (sync) => {
      spool.append(results(count, 10))
      count += 10
      await sync()
    }),
  })
  spool.append(results(0, 10))
  await spool.flush()
  expect([spool.end, spool.status().waiting]).toEqual([10, 20])
})

test('whoever says the sign of life is told the first slot that is not durable, also while it is written', async () => {
  const told: number[] = []
  const clock: Clock = {
    now: () => 1_000_000,
    elapsed: () => systemClock.elapsed(),
    after: () => () => undefined,
  }
  let duringSync: (() => void) | undefined
  const disk = diskThatSyncs(async (sync) => {
    duringSync?.()
    await sync()
  })
  const spool = await openSpool({ clock, disk })
  const sayNow = () => spool.beginLife((earliest) => told.push(earliest))
  sayNow()
  spool.append(results(7, 3))
  spool.append([{ kind: 'gap', task: 'b', from: 2, to: 9, outcome: 'skipped', periodMs: 1, reason: 'suspended' }])
  sayNow()
  duringSync = () => {
    duringSync = undefined
    sayNow()
  }
  await spool.flush()
  sayNow()
  await spool.close()
  expect(told).toEqual([Infinity, 2, 2, Infinity, Infinity])
})

test('a process killed while it writes loses nothing that it had called durable', async () => {
  for (let round = 0; round < 3; round++) {
    const child = fork(fileURLToPath(new URL('./spool-writer/testing.ts', import.meta.url)), [directory], {
      execArgv: [],
    })
    let durable = 0
    child.on('message', (end) => {
      durable = Number(end)
      if (durable > (round + 1) * 2_000) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    const spool = await openSpool()
    const entries = await all(spool)
    await spool.close()
    const slots = entries.map((entry) => (entry.kind === 'run' ? entry.slot : -1))
    const expected = Array.from({ length: slots.length }, (_, i) => i)
    expect([slots.length >= durable, slots]).toEqual([true, expected])
  }
})
