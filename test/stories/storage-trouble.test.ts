import { createHash } from 'node:crypto'
import { open, readFile, readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Result } from '../../src/contract/index.ts'
import { missed } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { TestInstance, until } from '../support/instance.ts'
import { Launched } from '../support/launch.ts'
import { silence } from '../support/silence.ts'
import { SmallDisk } from '../support/small-disk.ts'

const mayMount = await SmallDisk.isPossible()
if (!mayMount && process.env['CI'] !== undefined) throw new Error('these stories need the right to mount a tmpfs')
if (!mayMount) console.warn('skipped: what a full disk does (needs the right to mount a tmpfs)')

const tasks = 20

/** All results of the group, by task. */
async function everything(instance: TestInstance): Promise<Map<string, readonly Result[]>> {
  const found = new Map<string, readonly Result[]>()
  for (const { id } of await instance.call('listTasks', { query: { group: 'acme' } }))
    found.set(id, await instance.call('listResults', { params: { id }, query: {} }))
  return found
}

/** What was stored once and is not there, or not the same. */
function lost(before: ReadonlyMap<string, readonly Result[]>, now: ReadonlyMap<string, readonly Result[]>): number {
  let count = 0
  for (const [task, rows] of before) {
    const there = new Map(now.get(task)!.map((row) => [row.plannedAt, JSON.stringify(row)]))
    for (const row of rows) if (row.startedAt !== null && there.get(row.plannedAt) !== JSON.stringify(row)) count++
  }
  return count
}

const ran = (results: ReadonlyMap<string, readonly Result[]>) =>
  [...results.values()].reduce((sum, rows) => sum + rows.filter(({ startedAt }) => startedAt !== null).length, 0)
/** All results once there are so many more runs, and no slot is a hole because its run is under way. */
const measured = (instance: TestInstance, more = 0) =>
  until(
    'everything is measured, and no slot is silent',
    () => everything(instance),
    (seen) => seen.size === tasks && ran(seen) > more + 3 * tasks && silence(seen, 1_000).missing === 0,
  )

describe.skipIf(!mayMount)('on a disk that fills', () => {
  test.concurrent('it says so, goes on answering and measuring, and stores what it measured when there is room again', async () => {
    await using disk = await SmallDisk.mount(64)
    await using target = await CountingTarget.start()
    const data = join(disk.path, 'data')
    await using instance = await TestInstance.start({ data })
    await instance.call('applyConfiguration', { body: countingDocument(target.url, tasks), query: {} })
    const before = await measured(instance)

    await disk.fill()
    const storage = async () => (await instance.call('showStatus')).storage
    await until('it says so', storage, ({ writable }) => !writable)
    const ready = await instance.send('GET', '/readyz')
    const task = [...before.keys()][0]!
    const [series] = await instance.call('listSeries', { query: { task } })
    const reads = await Promise.all(
      [
        '/healthz',
        '/api/v1/tasks',
        `/api/v1/tasks/${task}/results`,
        `/api/v1/metrics/query?series=${series!.id}`,
        '/api/v1/alarms',
        '/api/v1/coverage',
        '/api/v1/configuration',
        '/metrics',
      ].map(async (path) => `${path} ${(await instance.send('GET', path)).status}`),
    )
    const large = Array.from({ length: 2_000 }, (_, i) => ({ name: `system-${i}`, tags: { note: 'x'.repeat(400) } }))
    const write = await instance.send('PUT', '/api/v1/configuration', { groups: [{ name: 'beta', systems: large }] })
    expect({
      ready: [ready.status, ready.body.includes('reason')],
      failing: reads.filter((line) => !line.endsWith(' 200')),
      write: [write.status, (JSON.parse(write.body) as { error: { code: string; hint: string } }).error],
      log: /"event":"storage became unwritable"/.test(instance.log),
    }).toEqual({
      ready: [503, true],
      failing: [],
      write: [
        503,
        expect.objectContaining({ code: 'storage-unwritable', hint: expect.stringContaining('Free space') }),
      ],
      log: true,
    })
    expect((await instance.call('listGroups')).map(({ name }) => name)).not.toContain('beta')

    // While nothing can be stored the targets are measured on.
    const served = [...target.served.values()].reduce((sum, hits) => sum + hits, 0)
    await until(
      'three more periods',
      async () => [...target.served.values()].reduce((sum, hits) => sum + hits, 0),
      (now) => now > served + 3 * tasks,
    )
    disk.free()
    await until('it can be written again', storage, ({ writable }) => writable)
    const after = await measured(instance, ran(before) + 3 * tasks)
    const hits = [...after].flatMap(([id, rows]) =>
      rows.flatMap((row) => row.metrics.filter(({ name }) => name === 'hits').map(({ value }) => `${id} ${value}`)),
    )
    expect({
      lost: lost(before, after),
      ...silence(after, 1_000),
      gaps: [...after.values()].flatMap(missed),
      hitsTwice: hits.length - new Set(hits).size,
      ready: (await instance.send('GET', '/readyz')).status,
      said: /"event":"storage became writable"/.test(instance.log),
    }).toEqual({ lost: 0, missing: 0, twice: 0, gaps: [], hitsTwice: 0, ready: 200, said: true })
    await instance.call('applyConfiguration', { body: { groups: [{ name: 'beta' }] }, query: {} })
    expect(await instance.stop()).toBe(0)
  })

  test.concurrent('killed while the disk is full, what was only in memory is a gap, and what was acknowledged is there', async () => {
    await using disk = await SmallDisk.mount(64)
    await using target = await CountingTarget.start()
    await using instance = await TestInstance.start({ data: join(disk.path, 'data') })
    await instance.call('applyConfiguration', { body: countingDocument(target.url, tasks), query: {} })
    await measured(instance)
    await disk.fill()
    await until(
      'it says so',
      () => instance.call('showStatus'),
      ({ storage }) => !storage.writable,
    )
    const before = await everything(instance)
    const served = [...target.served.values()].reduce((sum, hits) => sum + hits, 0)
    await until(
      'three more periods',
      async () => [...target.served.values()].reduce((sum, hits) => sum + hits, 0),
      (now) => now > served + 3 * tasks,
    )
    await instance.kill()
    await using refused = new Launched(['start', '--data', instance.data, '--host', '127.0.0.1', '--port', '0'])
    expect([await refused.ended, refused.stderr]).toEqual([1, expect.stringMatching(/no space|ENOSPC|full/i)])

    disk.free()
    await instance.start()
    await instance.signIn()
    const after = await measured(instance, ran(before))
    expect({
      lost: lost(before, after),
      ...silence(after, 1_000),
      withGap: [...after.values()].filter((rows) => rows.some(({ outcome }) => outcome === 'skipped')).length,
    }).toEqual({ lost: 0, missing: 0, twice: 0, withGap: tasks })
  })

  test.concurrent('a directory that may not be written is refused with the reason', async () => {
    await using disk = await SmallDisk.mount(64)
    await using instance = await TestInstance.start({ data: join(disk.path, 'data') })
    await instance.stop()
    disk.makeReadOnly()
    await using refused = new Launched(['start', '--data', instance.data, '--host', '127.0.0.1', '--port', '0'])
    expect([await refused.ended, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/read-only file system.*\[data-directory-unusable\]/i),
    ])
    disk.makeWritable()
  })
})

describe('with damaged files', () => {
  const damages: Record<string, (file: string) => Promise<void>> = {
    // Within a block: a cut behind the bracket that ends one would leave a whole file.
    'cut off': async (file) => {
      const bytes = await readFile(file)
      const at = Math.floor(bytes.length * 0.6)
      await truncate(file, bytes[at - 1] === 0x5d ? at - 1 : at)
    },
    'with flipped bytes': async (file) => {
      const handle = await open(file, 'r+')
      const { size } = await handle.stat()
      await handle.write(Buffer.alloc(16, 0xa5), 0, 16, Math.floor(size * 0.8))
      await handle.close()
    },
  }
  test.concurrent('a spool whose end was damaged is told of, and leaves gaps and no silence', async () => {
    await using target = await CountingTarget.start()
    await using instance = await TestInstance.start()
    await instance.call('applyConfiguration', { body: countingDocument(target.url, tasks), query: {} })
    let before = await measured(instance)
    for (const [how, damage] of Object.entries(damages)) {
      await instance.kill()
      const spool = join(instance.data, 'spool')
      const last = (await readdir(spool))
        .filter((name) => name.endsWith('.segment'))
        .sort()
        .at(-1)!
      await damage(join(spool, last))
      await instance.start()
      await instance.signIn()
      const after = await measured(instance, ran(before))
      expect({
        how,
        said: instance.log.match(/"event":"spool damaged"/g)?.length,
        aside: (await readdir(spool)).some((name) => name.endsWith('.damaged')),
        lost: lost(before, after),
        ...silence(after, 1_000),
      }).toEqual({ how, said: how === 'cut off' ? 1 : 2, aside: true, lost: 0, missing: 0, twice: 0 })
      before = after
    }
  })

  test.concurrent('a damaged database is refused and left as it is', async () => {
    await using instance = await TestInstance.start({ signIn: false })
    await instance.stop()
    const digest = async (file: string) =>
      createHash('sha256')
        .update(await readFile(join(instance.data, file)))
        .digest('hex')
    for (const name of ['farwatch.db', 'history.db']) {
      const file = join(instance.data, name)
      const whole = await readFile(file)
      const handle = await open(file, 'r+')
      await handle.write(Buffer.alloc(100, 0xee), 0, 100, 0)
      const before = [await digest('farwatch.db'), await digest('history.db')]
      await using refused = new Launched(['start', '--data', instance.data, '--host', '127.0.0.1', '--port', '0'])
      expect([await refused.ended, refused.stderr]).toEqual([
        1,
        expect.stringMatching(new RegExp(`${name} is damaged.*\\[storage-corrupt\\]\\n.*Restore the data directory`)),
      ])
      expect([await digest('farwatch.db'), await digest('history.db')]).toEqual(before)
      await handle.write(whole, 0, 100, 0)
      await handle.close()
    }
    await instance.start()
  })
})
