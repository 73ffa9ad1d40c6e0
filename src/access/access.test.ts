import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { hashPassword, hashToken, newToken, openDatabase, verifyPassword, type Database } from '../platform/index.ts'
import { openAccess, type Access, type AccessChange } from './access.ts'
import { accessSchema } from './schema.ts'

let directory: string
let database: Database
let clock: ManualClock
let audited: AccessChange[]

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'farwatch-access-'))
  database = await openDatabase({ file: join(directory, 'a.db'), schema: [accessSchema] })
  clock = new ManualClock()
  audited = []
})
afterEach(async () => {
  await database.close()
  rmSync(directory, { recursive: true })
})

function open(): Promise<Access> {
  const audit = (change: AccessChange) => {
    audited.push(change)
    return []
  }
  return openAccess({
    database,
    clock,
    secrets: { hashPassword, verifyPassword, newToken, hashToken },
    sessionMs: () => 3_600_000,
    audit,
  })
}

const address = '127.0.0.1'
const everything = [{ group: '*', role: 'admin' }] as const

test('a set-up link works once, and the session it gives survives a restart until it expires', async () => {
  const first = await open()
  const token = await first.makeSetupToken()
  await expect(
    first.setUp({ token: 'fw_wrong', username: 'ann', password: 'a long password', address }),
  ).rejects.toMatchObject({ code: 'unauthenticated' })
  const session = await first.setUp({ token, username: 'ann', password: 'a long password', address })
  await expect(first.setUp({ token, username: 'bob', password: 'a long password', address })).rejects.toMatchObject({
    code: 'conflict',
  })
  const second = await open()
  expect(second.authenticate(session.token)).toEqual({ username: 'ann', grants: everything, via: 'session' })
  clock.advance(3_600_000)
  expect(second.authenticate(session.token)).toBeUndefined()
})

test('guessing is slowed down, and a right password after the wait is let in', async () => {
  const access = await open()
  await access.ensureAdministrator('admin', 'a long password')
  const attempt = (password: string) =>
    access.signIn({ username: 'admin', password, address }).then(
      () => 'in',
      (thrown: { code: string }) => thrown.code,
    )
  const seen: string[] = []
  for (let i = 0; i < 6; i++) seen.push(await attempt('guess'))
  expect(seen).toEqual([...Array(5).fill('wrong-password'), 'too-many-requests'])
  clock.advance(1_000)
  expect(await attempt('a long password')).toBe('in')
})

test('a token never has more than its owner has left', async () => {
  const access = await open()
  await access.ensureAdministrator('admin', 'a long password')
  await access.createUser('admin', {
    username: 'eve',
    password: 'a long password',
    grants: [
      { group: 'acme', role: 'editor' },
      { group: 'beta', role: 'viewer' },
    ],
  })
  const { token: session } = await access.signIn({ username: 'eve', password: 'a long password', address })
  const eve = access.authenticate(session)!
  await expect(access.createToken(eve, { name: 'x', grants: [{ group: '*', role: 'viewer' }] })).rejects.toMatchObject({
    code: 'forbidden',
  })
  const { token } = await access.createToken(eve, { name: 'x', expiresIn: '1h' })
  await access.updateUser('admin', 'eve', { grants: [{ group: 'beta', role: 'viewer' }] })
  expect(access.authenticate(token)?.grants).toEqual([{ group: 'beta', role: 'viewer' }])
  clock.advance(3_600_000)
  expect(access.authenticate(token)).toBeUndefined()
})

test('the last administrator stays, and a removed user is out at once', async () => {
  const access = await open()
  await access.ensureAdministrator('admin', 'a long password')
  await expect(access.removeUser('admin', 'admin')).rejects.toMatchObject({ code: 'conflict' })
  await expect(access.updateUser('admin', 'admin', { grants: [] })).rejects.toMatchObject({ code: 'conflict' })
  await access.createUser('admin', { username: 'bob', password: 'a long password', grants: everything })
  const { token } = await access.signIn({ username: 'bob', password: 'a long password', address })
  await access.removeUser('admin', 'bob')
  expect([access.authenticate(token), audited.map((c) => `${c.who} ${c.action} ${c.what}`)]).toEqual([
    undefined,
    ['farwatch user added user "admin"', 'admin user added user "bob"', 'admin user removed user "bob"'],
  ])
})

test('a new password ends the other sessions and keeps the one that changed it', async () => {
  const access = await open()
  await access.ensureAdministrator('admin', 'a long password')
  const here = (await access.signIn({ username: 'admin', password: 'a long password', address })).token
  const there = (await access.signIn({ username: 'admin', password: 'a long password', address })).token
  await access.changeOwnPassword('admin', 'a long password', 'another password', here)
  expect([here, there].map((token) => access.authenticate(token)?.username)).toEqual(['admin', undefined])
})

test('what users and tokens may do in a group follows its name, also over a restart', async () => {
  const access = await open()
  await access.ensureAdministrator('admin', 'a long password')
  const grants = [
    { group: 'acme', role: 'editor' },
    { group: 'beta', role: 'viewer' },
  ] as const
  await access.createUser('admin', { username: 'eve', password: 'a long password', grants })
  const { token: session } = await access.signIn({ username: 'eve', password: 'a long password', address })
  const { token } = await access.createToken(access.authenticate(session)!, {
    name: 'x',
    grants: [{ group: 'acme', role: 'viewer' }],
  })
  await access.renameGroup('admin', 'acme', 'apex')
  const said = (one: Access) => [session, token].map((by) => one.authenticate(by)?.grants)
  const after = [
    [
      { group: 'apex', role: 'editor' },
      { group: 'beta', role: 'viewer' },
    ],
    [{ group: 'apex', role: 'viewer' }],
  ]
  expect([said(access), said(await open()), audited.at(-1)?.what]).toEqual([after, after, 'user "eve"'])
})
