import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FarwatchError } from '../base/index.ts'
import { MemoryDisk, systemDisk } from '../platform/index.ts'
import { PairFile, emptyPair, type KeptPair } from './pair-file.ts'

const instance = '11111111-1111-4111-8111-111111111111'
let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'farwatch-pair-'))
  path = join(folder, 'failover.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = () => PairFile.open({ disk: systemDisk, path, instance })
const paired: KeptPair = {
  settings: { role: 'PRIMARY', mode: 'ACTIVE', peerUrl: '', peerUuid: '2', timeoutMs: 20_000, pollMs: 2_000 },
  durable: { term: 3, ownTerm: 3, acts: true, joins: false },
  peer: { uuid: '2', fingerprint: 'AB:CD', term: 2, position: { term: 3, count: 17 } },
}

test('an instance that was never in a pair acts in its first term', async () => {
  const file = await open()
  expect({ kept: file.kept, stored: await file.stored() }).toEqual({ kept: emptyPair, stored: undefined })
})

test('what was written is there after a restart', async () => {
  await (await open()).write(paired)
  expect((await open()).kept).toEqual(paired)
})

test('writes follow one another, each over what was kept before', async () => {
  const file = await open()
  const writes = [
    file.write({ settings: paired.settings }),
    file.write({ durable: paired.durable }),
    file.write({ peer: paired.peer }),
  ]
  await Promise.all(writes)
  expect((await open()).kept).toEqual(paired)
})

test('members that a newer program added are read over', async () => {
  await (await open()).write(paired)
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify(Object.assign({}, value, { added: 1 })))
  expect((await open()).kept).toEqual(paired)
})

test('a write that fails is said to whoever asked, and the next one brings it along', async () => {
  const memory = new MemoryDisk({ now: () => 0, random: () => 0.5 })
  memory.capacityBytes = 0
  const disk = memory.open()
  const file = await PairFile.open({ disk, path: '/data/failover.json', instance })
  const failed = await file
    .write({ durable: paired.durable })
    .catch((thrown: unknown) => (thrown as FarwatchError).code)
  memory.capacityBytes = Infinity
  await file.write({ settings: paired.settings })
  expect([failed, await file.stored()]).toEqual(['storage-unwritable', { ...paired, peer: undefined }])
})

// what stands in the file → what we answer
const unusable: Readonly<Record<string, readonly [string, string]>> = {
  'what is no JSON': ['{"format":1,', 'storage-corrupt: failover.json does not say how this server stands in its pair'],
  'an empty file': ['', 'storage-corrupt: failover.json does not say how this server stands in its pair'],
  'a term that is none': [
    JSON.stringify({
      format: 1,
      instance,
      settings: paired.settings,
      durable: { term: -1, ownTerm: 0, acts: true, joins: false },
    }),
    'storage-corrupt: failover.json does not say how this server stands in its pair',
  ],
  'the file of another instance': [
    JSON.stringify({ format: 1, instance: 'x', settings: paired.settings, durable: paired.durable }),
    'storage-corrupt: failover.json is that of another instance (x)',
  ],
  'a newer format': [
    '{"format":2}',
    'data-directory-newer: failover.json was written by a newer Farwatch (format 2, this program knows 1)',
  ],
}

test.each(Object.entries(unusable))('refused: %s', async (_, [content, words]) => {
  writeFileSync(path, content)
  const thrown = await open().catch((error: unknown) => error as FarwatchError)
  expect(thrown instanceof FarwatchError ? `${thrown.code}: ${thrown.message.replace(`${folder}/`, '')}` : thrown).toBe(
    words,
  )
})
