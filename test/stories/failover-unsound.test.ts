import { cp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nothingLost, rowsOf, settledAt } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { until, type TestInstance } from '../support/instance.ts'
import { acting, following, inStep, startPair, type Pair } from '../support/pair.ts'
import { SmallDisk } from '../support/small-disk.ts'

// A PRIMARY whose data is not to be relied on any more. The timeout is so long that no takeover of these is one of silence: the SECONDARY takes over
// because the PRIMARY says what is wrong. Each story begins with the PRIMARY active and both in step, and ends so.

const mayMount = await SmallDisk.isPossible()
if (!mayMount && process.env['CI'] !== undefined) throw new Error('these stories need the right to mount a tmpfs')
if (!mayMount) console.warn('skipped: a PRIMARY with unsound data (needs the right to mount a tmpfs)')

const tasks = 4
let target: CountingTarget
let disk: SmallDisk
let pair: Pair
let primary: TestInstance
let secondary: TestInstance

describe.skipIf(!mayMount)('a PRIMARY with unsound data', () => {
  beforeAll(async () => {
    target = await CountingTarget.start()
    disk = await SmallDisk.mount(128)
    pair = await startPair({
      agents: ['north-1'],
      timeoutMs: 20_000,
      primaryData: join(disk.path, 'data'),
    })
    primary = pair.primary
    secondary = pair.secondary
    // Also where the PRIMARY is stopped, copied or put back, and started again on a busy machine. Its own timeout says when its data is unsound.
    await secondary.call('changeFailover', { body: { timeoutMs: 120_000 } })
    await primary.call('applyConfiguration', {
      query: {},
      body: { ...countingDocument(target.url, tasks), associations: [{ group: 'acme', agents: ['north-1'] }] },
    })
    await ran(primary, Date.now())
    await inStep(primary, secondary)
  })
  afterAll(async () => {
    await pair?.[Symbol.asyncDispose]()
    await disk?.[Symbol.asyncDispose]()
    await target?.[Symbol.asyncDispose]()
  })

  /** Waits until a server has a run of every task that was due after a moment. */
  async function ran(server: TestInstance, after: number): Promise<void> {
    await until(
      'everything ran',
      () => rowsOf(server),
      (rows) =>
        rows.size === tasks &&
        [...rows.values()].every((all) => all.some(({ slot, startedAt }) => startedAt !== null && slot > after)),
    )
  }

  /** Why the SECONDARY became active, and what it had seen of the PRIMARY. */
  async function whyActive(): Promise<unknown> {
    const { term } = await secondary.call('showFailover')
    const became = await until(
      'it is in the audit log',
      async () =>
        (await secondary.call('listAudit', { query: { who: 'failover' } })).find(
          ({ action, what }) => action === 'became active' && what.startsWith(`term ${term}: `),
        ),
      (entry) => entry !== undefined,
    )
    // As the program writes it.
    const after = became!.after as { seen: { peer?: { unsound?: string } } }
    return [became!.what.replace(/^term \d+: /, ''), after.seen.peer?.unsound]
  }

  /** The PRIMARY follows again, and is given back control. */
  async function givenBack(): Promise<void> {
    await following(primary, 'held')
    await inStep(secondary, primary)
    await until(
      'the PRIMARY is sound again',
      () => secondary.call('showFailover'),
      ({ peer }) => peer?.unsound === null,
    )
    await secondary.call('handOver', { body: {} })
    await inStep(primary, secondary)
  }

  /** Another program keeps a database of the PRIMARY locked, until it is disposed of. */
  function locked(name: string): Disposable {
    const database = new DatabaseSync(join(primary.data, name), { timeout: 10_000 })
    database.exec('BEGIN IMMEDIATE')
    return { [Symbol.dispose]: () => database.close() }
  }

  async function restarted(between: () => Promise<unknown>): Promise<void> {
    await primary.stop()
    await between()
    await primary.start()
    await primary.signIn()
  }

  test('with a full disk it steps down and says why; when there is room it follows', async () => {
    const shown = await rowsOf(primary)
    await disk.fill()
    await acting(secondary, true)
    await ran(secondary, Date.now())
    const why = await whyActive()
    const { problems } = await primary.call('showFailover')
    disk.free()
    await following(primary, 'held')
    expect({
      why,
      problem: problems.find(({ key }) => key === 'failover: unsound')?.message,
      result: await settledAt(target, secondary, shown),
    }).toEqual({
      why: ['peer unsound', 'disk full'],
      problem: expect.stringMatching(/^disk full: .* are free on the disk of the data directory/),
      result: nothingLost,
    })
    await givenBack()
  })

  test.each([
    ['farwatch.db', 'database unwritable', 'is in use'],
    ['history.db', 'ingest stalled', 'waiting batches'],
  ])('with %s locked by another program it steps down, and says why', async (name, why, words) => {
    const shown = await rowsOf(primary)
    {
      using _ = locked(name)
      await acting(secondary, true)
      const { problems } = await primary.call('showFailover')
      expect({
        why: await whyActive(),
        problem: problems.find(({ key }) => key === 'failover: unsound')?.message,
      }).toEqual({ why: ['peer unsound', why], problem: expect.stringContaining(words) })
    }
    await ran(secondary, Date.now())
    await following(primary, 'held')
    expect(await settledAt(target, secondary, shown)).toEqual(nothingLost)
    await givenBack()
  })

  test('with another data directory in the place of its own it steps down', async () => {
    const shown = await rowsOf(primary)
    const file = join(primary.data, 'farwatch.json')
    const own = await readFile(file, 'utf8')
    await writeFile(file, own.replaceAll(primary.uuid, secondary.uuid))
    try {
      await acting(secondary, true)
      expect(await whyActive()).toEqual(['peer unsound', 'data directory replaced'])
    } finally {
      await writeFile(file, own)
    }
    expect(await settledAt(target, secondary, shown)).toEqual(nothingLost)
    await givenBack()
  })

  test('restored from an old copy within the timeout, it finds that out, and the SECONDARY takes over', async () => {
    await using old = await copyOf()
    await primary.call('applyConfiguration', { query: {}, body: { groups: [{ name: 'after-the-copy' }] } })
    await ran(primary, Date.now())
    await inStep(primary, secondary)
    const shown = await rowsOf(primary)
    await restarted(() => old.restore())
    await acting(secondary, true)
    await following(primary, 'held')
    expect({
      why: ((await whyActive()) as unknown[])[0],
      result: await settledAt(target, secondary, shown),
      groups: await showing(primary, 'after-the-copy'),
    }).toEqual({ why: 'peer unsound', result: nothingLost, groups: expect.arrayContaining(['after-the-copy']) })
    await givenBack()
  })

  test('restored from an old copy while it was replaced, it does not act, and is copied anew', async () => {
    await using old = await copyOf()
    await secondary.call('forceTakeover', { body: { confirm: true } })
    await following(primary, 'held')
    await secondary.call('applyConfiguration', { query: {}, body: { groups: [{ name: 'of-the-secondary' }] } })
    await ran(secondary, Date.now())
    const shown = await rowsOf(secondary)
    const logged = primary.log.length
    await restarted(() => old.restore())
    await following(primary, 'held')
    await inStep(secondary, primary)
    const copies = (await secondary.call('listAudit', { query: { who: 'failover' } })).filter(
      ({ action }) => action === 'copy begun',
    )
    expect({
      copied: copies.length > 0,
      acted: primary.log.slice(logged).includes('"event":"becomes active"'),
      result: await settledAt(target, primary, shown),
      groups: await showing(primary, 'of-the-secondary'),
    }).toEqual({
      copied: true,
      acted: false,
      result: nothingLost,
      groups: expect.arrayContaining(['of-the-secondary']),
    })
  })

  // The last one: what is damaged stays so.
  test('with a database that is damaged while it runs it steps down, and says what is damaged', async () => {
    await givenBack()
    const shown = await rowsOf(primary)
    const name = join(primary.data, 'farwatch.db')
    // What is in memory is not read again, unless another program has written.
    const database = new DatabaseSync(name, { timeout: 10_000 })
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    const { size } = await stat(name)
    const file = await open(name, 'r+')
    for (let at = 4_096; at < size; at += 4_096) await file.write(Buffer.alloc(512, 0xa5), 0, 512, at)
    await file.close()
    await acting(secondary, true)
    expect({ why: await whyActive(), result: await settledAt(target, secondary, shown) }).toEqual({
      why: ['peer unsound', 'database corrupt'],
      result: nothingLost,
    })
  })

  /** The groups of a server that only shows, once one is among them: what it shows may be a second older than what it has. */
  async function showing(server: TestInstance, name: string): Promise<readonly string[]> {
    return until(
      `${name} is shown`,
      async () => (await server.call('listGroups')).map((group) => group.name),
      (names) => names.includes(name),
    )
  }

  /** The data directory of the PRIMARY as it is now, taken while it stands still, as people take them. */
  async function copyOf(): Promise<AsyncDisposable & { restore(): Promise<void> }> {
    const copy = `${primary.data}-old`
    await restarted(() => cp(primary.data, copy, { recursive: true }))
    await acting(primary, true)
    await inStep(primary, secondary)
    return {
      restore: async () => {
        await rm(primary.data, { recursive: true })
        await rename(copy, primary.data)
      },
      [Symbol.asyncDispose]: () => rm(copy, { recursive: true, force: true }),
    }
  }
})
