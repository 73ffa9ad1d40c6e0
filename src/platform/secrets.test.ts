import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareDataDirectory, type DataDirectory } from './data-directory.ts'
import { openIdentity, verifySignature } from './identity.ts'
import { hashPassword, hashToken, newToken, verifyPassword } from './passwords.ts'
import { openVault, vaultWith } from './vault.ts'

let directory: DataDirectory

beforeEach(async () => {
  directory = await prepareDataDirectory(mkdtempSync(join(tmpdir(), 'farwatch-secrets-')), 0)
})
afterEach(() => rmSync(directory.path, { recursive: true }))

test('a secret opens with its key under its context, and in no other way', async () => {
  const vault = await openVault(directory, { expectKey: false })
  const again = await openVault(directory, { expectKey: true })
  const plain = { secret: 'pässword', more: '' }
  const sealed = vault.seal(plain, 'credential:1')
  expect(again.open(sealed, 'credential:1')).toEqual(plain)
  expect(vault.seal(plain, 'credential:1')).not.toBe(sealed)
  const flipped = sealed.slice(0, -2) + (sealed.at(-2) === 'A' ? 'B' : 'A') + sealed.at(-1)!
  const stranger = vaultWith(new Uint8Array(32))
  const attempts: readonly (() => unknown)[] = [
    () => vault.open(sealed, 'credential:2'),
    () => vault.open(flipped, 'credential:1'),
    () => vault.open(sealed.replace('v1', 'v2'), 'credential:1'),
    () => vault.open('', 'credential:1'),
    () => stranger.open(sealed, 'credential:1'),
  ]
  const codes = attempts.map((attempt) => {
    try {
      return attempt()
    } catch (thrown) {
      return (thrown as { code: string }).code
    }
  })
  expect(codes).toEqual(attempts.map(() => 'storage-corrupt'))
})

test('the key of the secrets is private, and is not made anew where secrets wait for it', async () => {
  const file = directory.file('keys', 'secret.key')
  await expect(openVault(directory, { expectKey: true })).rejects.toMatchObject({ code: 'storage-corrupt' })
  await openVault(directory, { expectKey: false })
  expect([(statSync(file).mode & 0o777).toString(8), readFileSync(file).length]).toEqual(['600', 32])
  writeFileSync(file, 'short')
  await expect(openVault(directory, { expectKey: true })).rejects.toThrow('5 bytes instead of 32')
})

test('an instance keeps its key over starts and proves itself with it', async () => {
  const first = await openIdentity(directory)
  const again = await openIdentity(directory)
  const words = new TextEncoder().encode('poll 7')
  const signature = again.sign(words)
  expect({
    uuid: again.uuid === directory.uuid,
    same: again.fingerprint === first.fingerprint,
    fingerprint: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(first.fingerprint),
    verified: verifySignature(first.publicKey, words, signature),
    forged: verifySignature(first.publicKey, new TextEncoder().encode('poll 8'), signature),
    mode: (statSync(directory.file('keys', 'identity.key')).mode & 0o777).toString(8),
  }).toEqual({ uuid: true, same: true, fingerprint: true, verified: true, forged: false, mode: '600' })
  writeFileSync(directory.file('keys', 'identity.key'), 'hunter2')
  const refused = await openIdentity(directory).catch((thrown: Error) => thrown)
  expect(refused).toMatchObject({ code: 'storage-corrupt' })
  expect(String(refused)).not.toContain('hunter2')
})

test('a password is known again in any Unicode form, and no other passes', async () => {
  const stored = await hashPassword('Grüße')
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect([
    await verifyPassword('Gru\u0308ße', stored),
    await verifyPassword('Grusse', stored),
    await verifyPassword('', stored),
    await verifyPassword('Grüße', undefined),
    await verifyPassword('x'.repeat(1_001), stored),
  ]).toEqual([true, false, false, false, false])
  await expect(verifyPassword('x', 'plain')).rejects.toMatchObject({ code: 'storage-corrupt' })
  await expect(hashPassword('x'.repeat(1_001))).rejects.toMatchObject({ code: 'invalid-value' })
})

test('a token is random and stored as its hash', () => {
  const { token, hash } = newToken()
  expect([/^fw_[A-Za-z0-9_-]{43}$/.test(token), hashToken(token) === hash, newToken().token === token]).toEqual([
    true,
    true,
    false,
  ])
})
