import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seededRandom } from '../base/index.ts'
import { systemDisk, type Disk } from './disk.ts'
import { MemoryDisk } from './memory-disk.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-disk-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const memoryDisk = (seed = 1) => new MemoryDisk({ now: () => 5_000, random: seededRandom(seed) })
const text = (words: string) => Buffer.from(words)

/** Everything a spool does with a disk, as what can be seen of it. */
async function story(disk: Disk, at: string): Promise<unknown> {
  const path = (name: string) => join(at, name)
  await disk.makeDirectory(at)
  const missing = await disk.read(path('none')).catch((thrown: { code: string }) => thrown.code)
  const file = await disk.create(path('a'))
  const written = await file.write(text('xxhello'), 2, 0)
  await file.write(text(' world'), 0, written)
  await file.sync()
  await file.truncate(7)
  await file.close()
  const records = disk.openRecords(path('r'))
  records.write(text('1111'), 0)
  records.write(text('2222'), 4)
  records.write(text('3333'), 0)
  records.close()
  disk.openRecords(path('r')).close()
  await disk.write(path('b'), text('bbb'))
  await disk.rename(path('b'), path('c'))
  await disk.truncate(path('c'), 2)
  await disk.writeAtomically(path('d'), 'ddd')
  await disk.write(path('e'), text('e'))
  await disk.remove(path('e'))
  await disk.remove(path('e'))
  await disk.syncDirectory(at)
  const names = [...(await disk.list(at))].sort()
  const contents = await Promise.all(names.map(async (name) => String(await disk.read(path(name)))))
  return { missing, written, names, contents, dated: (await disk.modifiedAt(path('a'))) > 0 }
}

test('a disk in memory does what the disk of the machine does', async () => {
  const seen = await story(systemDisk, join(directory, 'spool'))
  expect(seen).toEqual(await story(memoryDisk().open(), '/spool'))
  expect(seen).toEqual({
    missing: 'ENOENT',
    written: 5,
    names: ['a', 'c', 'd', 'r'],
    contents: ['hello w', 'bb', 'ddd', '33332222'],
    dated: true,
  })
})

test('a loss of power leaves what was synced, and of the rest anything or nothing', async () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 200; seed++) {
    const memory = memoryDisk(seed)
    const disk = memory.open()
    const file = await disk.create('/s/a')
    await file.write(text('safe'), 0, 0)
    await file.sync()
    await disk.syncDirectory('/s')
    await file.write(text('lost'), 0, 4)
    await disk.write('/s/b', text('b'))
    memory.losePower()
    const names = await memory.open().list('/s')
    seen.add(`${names.join(' ')}: ${String(await memory.open().read('/s/a'))}`)
  }
  expect([...seen].sort()).toEqual(
    ['a b', 'a'].flatMap((names) =>
      ['safe', 'safel', 'safelo', 'safelos', 'safelost'].map((one) => `${names}: ${one}`),
    ),
  )
})

test('a full disk takes what fits, and lets records be overwritten', async () => {
  const memory = memoryDisk()
  const disk = memory.open()
  disk.openRecords('/s/r').write(text('11'), 0)
  const file = await disk.create('/s/a')
  memory.capacityBytes = 5
  const written = await file.write(text('hello'), 0, 0)
  const refusals = await Promise.all(
    [
      file.write(text('lo'), 0, 3),
      disk.write('/s/b', text('b')),
      disk.create('/s/c'),
      disk.writeAtomically('/s/d', 'd'),
    ].map((call) => call.then(String, (thrown: { code: string }) => thrown.code)),
  )
  disk.openRecords('/s/r').write(text('22'), 0)
  expect({ written, refusals, records: String(await disk.read('/s/r')) }).toEqual({
    written: 3,
    refusals: ['ENOSPC', 'ENOSPC', 'ENOSPC', 'storage-unwritable'],
    records: '22',
  })
})

test('a program that was ended in the middle of a call changes nothing and hears nothing', async () => {
  const memory = memoryDisk()
  let isAlive = true
  const disk = memory.open((act) => (isAlive ? new Promise((resolve) => resolve(act())) : new Promise(() => undefined)))
  await disk.write('/s/a', text('a'))
  isAlive = false
  void disk.write('/s/a', text('b'))
  expect(String(await memory.open().read('/s/a'))).toBe('a')
})
