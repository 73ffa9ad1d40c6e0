import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diskSpace, holderOf, openDataDirectory, prepareDataDirectory } from './data-directory.ts'
import { writeFileAtomically } from './files.ts'

const now = Date.UTC(2026, 10, 22, 3, 15)
let path: string

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'farwatch-directory-')), 'data')
})
afterEach(() => rmSync(join(path, '..'), { recursive: true }))

const mode = (...parts: string[]): string => (statSync(join(path, ...parts)).mode & 0o777).toString(8)

test('the first start makes a private directory and names the instance; the next one finds it', async () => {
  const first = await openDataDirectory(path, now)
  first.close()
  first.close()
  const next = await openDataDirectory(path, now + 1)
  next.close()
  expect({
    isNew: [first.isNew, next.isNew],
    sameUuid: next.uuid === first.uuid && /^[0-9a-f-]{36}$/.test(first.uuid),
    createdAt: next.createdAt,
    modes: [mode(), mode('keys'), mode('farwatch.json'), mode('lock.db')],
  }).toEqual({ isNew: [true, false], sameUuid: true, createdAt: now, modes: ['700', '700', '600', '600'] })
})

test('a second start is refused and told who holds it, and commands beside it still find their way', async () => {
  const first = await openDataDirectory(path, now)
  const refused = await openDataDirectory(path, now).catch((thrown: Error) => thrown)
  expect(refused).toMatchObject({
    code: 'data-directory-in-use',
    message: `the data directory ${path} is in use by process ${process.pid} on ${hostname()}, running since 2026-11-22T03:15:00.000Z`,
  })
  expect(await holderOf(path)).toMatchObject({ pid: process.pid })
  expect((await prepareDataDirectory(path, now)).uuid).toBe(first.uuid)
  first.close()
  expect(await holderOf(path)).toBeUndefined()
})

test('a holder that is killed gives the directory back at once, and names itself until then', async () => {
  const module = new URL('data-directory.ts', import.meta.url).href
  const script = `import { openDataDirectory } from '${module}'
    globalThis.held = await openDataDirectory(process.argv[1], 0)
    process.stdout.write('held')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(child.stdout, 'data')
    await expect(openDataDirectory(path, now)).rejects.toThrow(`process ${child.pid} on`)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const taken = await openDataDirectory(path, now)
    taken.close()
  } finally {
    child.kill('SIGKILL')
  }
})

test('many first starts at once agree on one instance', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => prepareDataDirectory(path, now)))
  expect(new Set(all.map(({ uuid }) => uuid)).size).toBe(1)
})

test('a directory of a newer Farwatch is refused and not touched', async () => {
  const first = await openDataDirectory(path, now)
  first.close()
  rmSync(join(path, 'lock.db'))
  const content = '{ "format": 2, "name": "in words of tomorrow" }'
  writeFileSync(join(path, 'farwatch.json'), content)
  const before = readdirSync(path)
  await expect(openDataDirectory(path, now)).rejects.toMatchObject({ code: 'data-directory-newer' })
  expect({ files: readdirSync(path), content: readFileSync(join(path, 'farwatch.json'), 'utf8') }).toEqual({
    files: before,
    content,
  })
})

test('what is no data directory is refused with the reason', async () => {
  writeFileSync(path, 'a file')
  await expect(openDataDirectory(path, now)).rejects.toMatchObject({ code: 'data-directory-unusable' })
  rmSync(path)
  await prepareDataDirectory(path, now)
  for (const content of ['', '[]', '{ "format": 1 }', '{ "format": 1, "uuid": "x", "createdAt": "y" }']) {
    writeFileSync(join(path, 'farwatch.json'), content)
    await expect(openDataDirectory(path, now)).rejects.toMatchObject({ code: 'storage-corrupt' })
  }
})

test('a file is written whole, with its mode, and leaves nothing behind where it cannot be', async () => {
  await prepareDataDirectory(path, now)
  const file = join(path, 'note')
  await writeFileAtomically(file, 'one')
  await writeFileAtomically(file, 'two', 0o644)
  const before = readdirSync(path)
  await expect(writeFileAtomically(join(path, 'absent', 'note'), 'x')).rejects.toMatchObject({
    code: 'storage-unwritable',
  })
  await expect(writeFileAtomically(join(path, 'keys'), 'x')).rejects.toMatchObject({ code: 'storage-unwritable' })
  expect([readFileSync(file, 'utf8'), mode('note'), readdirSync(path)]).toEqual(['two', '644', before])
  const { freeBytes, totalBytes } = await diskSpace(path)
  expect(freeBytes > 0 && freeBytes <= totalBytes).toBe(true)
})
